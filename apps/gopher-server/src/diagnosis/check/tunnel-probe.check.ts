import { Injectable } from '@nestjs/common';
import { type Check, failed, ms, passed, skipped } from '@gopher/diagnosis';
import { serviceNames } from '../../edge/edge-files.js';
import type { CheckedAgent } from '../../machine/data-path-look.js';
import { echo } from '../../machine/echo.js';
import { BoundPorts } from '../../probe/bound-ports.js';
import { tcpVerdict, udpVerdict, type Verdict } from '../../probe/tunnel-verdict.js';
import { visitTunnel } from '../../probe/visit-tunnel.js';
import type { Tunnel } from '../../tunnel/tunnel.entity.js';
import { EdgeCheck } from '../edge-check.js';
import type { ExaminedMachine } from '../examined-machine.js';

/** Someone waits for the report. */
const PATIENCE_MS = 2_000;
const ECHO_TIMEOUT_MS = 1_500;

/** What a visitor of a tunnel meets now. */
@Injectable()
export class TunnelProbeCheck extends EdgeCheck<ExaminedMachine> {
  readonly id = 'tunnel-probe';

  async look({ tunnels, agent, omitted }: ExaminedMachine): Promise<Check[]> {
    const visits = await Promise.all(tunnels.map((tunnel) => this.visit(tunnel, agent)));
    if (omitted === 0) return visits;
    const meaning = `${omitted} more tunnels of the machine were not visited`;
    const advice = 'Ask for one of them by POST /api/v1/tunnels/{id}/diagnose';
    return [...visits, skipped(this.id, meaning, { advice })];
  }

  private async visit(tunnel: Tunnel, agent: CheckedAgent | null): Promise<Check> {
    const subject = serviceNames.tunnel(tunnel.id);
    const began = performance.now();
    const verdict = await verdictOn(tunnel, agent);
    const measured = ms(performance.now() - began);
    switch (verdict.state) {
      case 'active':
        return passed(this.id, MEANING[verdict.proof], {
          subject,
          measured: verdict.proof === 'bytes' ? measured : null,
        });
      case 'pending':
        return skipped(this.id, verdict.reason, { subject });
      case 'failed': {
        const meaning = `A visitor of ${tunnel.bindAddress}:${tunnel.port} is not served: ${verdict.reason}`;
        return failed(this.id, meaning, { subject, advice: ADVICE[verdict.leg] });
      }
    }
  }
}

const MEANING = {
  bytes: 'A visitor is served: bytes of the target came',
  accepted: 'A visitor is let through to the target, which waits for the visitor to speak',
  unverified: 'The port takes visitors; how the machine is, nobody can tell',
  bound: 'The port takes datagrams; nothing more can be known without sending some',
};

const ADVICE = {
  edge: 'See what is said of rathole on the edge',
  'rathole→machine': "See what is said of the machine's data client",
  'machine→target': 'See on the machine whether the service runs and takes connections there',
};

async function verdictOn(tunnel: Tunnel, agent: CheckedAgent | null): Promise<Verdict> {
  const { protocol, bindAddress, port, createdAt } = tunnel;
  const waitingMs = Date.now() - createdAt.getTime();
  const rest = { hasAgent: agent !== null, waitingMs, edgeProblem: null };
  if (protocol === 'udp') {
    const bound = (await BoundPorts.read('udp')).has(bindAddress, port);
    return udpVerdict(tunnel, { ...rest, dataPath: await dataPath(agent) }, bound);
  }
  const outcome = await visitTunnel(tunnel, PATIENCE_MS);
  const path = outcome.met === 'silence' ? await dataPath(agent) : null;
  return tcpVerdict(tunnel, { ...rest, outcome, dataPath: path, target: null, isPushing: false });
}

/** Silence alone proves nothing: rathole accepts for a client that is stuck as well. */
async function dataPath(agent: CheckedAgent | null) {
  if (!agent) return null;
  const problem = await echo(agent.checkPort, ECHO_TIMEOUT_MS);
  const serves = problem === null || problem.closed;
  return { serves, observedAt: new Date(), detail: problem?.detail ?? '' };
}
