import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { echo } from '../machine/echo.js';
import { BoundPorts, type PortProtocol } from '../probe/bound-ports.js';
import { RatholeServer } from './rathole/rathole-server.js';

const RETRY_MS = 200;
const ECHO_TIMEOUT_MS = 3_000;

export interface Expected {
  /** The edge's port that leads through the machine's data client to the agent's echo. */
  checkPort: number;
  /** What visitors are to find open. */
  ports: { protocol: PortProtocol; bindAddress: string; port: number }[];
}

/**
 * Whether a machine serves with what it was just given, as seen from outside: bytes come back through
 * its data client on a new connection, and its new tunnels are there. That a target is down is not
 * the configuration's fault.
 */
@Injectable()
export class PushProof {
  constructor(private readonly rathole: RatholeServer) {}

  /** Looks until it does, or `signal` aborts; tells `onProblem` what is missing meanwhile. */
  async until(
    expected: Expected,
    signal: AbortSignal,
    onProblem: (problem: string) => void,
  ): Promise<boolean> {
    while (!signal.aborted) {
      const problem = await this.problemOf(expected);
      if (problem === null) return true;
      onProblem(problem);
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
    return false;
  }

  private async problemOf({ checkPort, ports }: Expected): Promise<string | null> {
    const problem = await echo(checkPort, ECHO_TIMEOUT_MS);
    if (problem) return `no bytes passed its data client: ${problem.detail}`;
    // A released rathole opens a port once and for all: there it says nothing.
    if (ports.length === 0 || !this.rathole.has('revocation')) return null;
    const bound = { tcp: await BoundPorts.read('tcp'), udp: await BoundPorts.read('udp') };
    const missing = ports.find(
      ({ protocol, bindAddress, port }) => !bound[protocol].has(bindAddress, port),
    );
    return missing ? `${missing.protocol} port ${missing.port} did not open` : null;
  }
}
