import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateNoiseKeyPair, renderClient, renderServer } from '@gopher/rathole';

/** What Gopher writes into its own files. */
const HEARTBEAT_INTERVAL_S = 10;
const HEARTBEAT_TIMEOUT_S = 15;
const RETRY_INTERVAL_S = 1;
const SERVICE = { name: 'bare', type: 'tcp', token: 'bare' } as const;

export interface BareOptions {
  rathole: string;
  controlPort: number;
  /** host:port where visitors arrive. */
  address: string;
  target: string;
}

/** rathole as somebody sets it up by hand: the same program and transport, and nothing of Gopher. */
export class BareRathole {
  private constructor(
    private readonly directory: string,
    private readonly processes: readonly ChildProcess[],
  ) {}

  static start({ rathole, controlPort, address, target }: BareOptions): BareRathole {
    const directory = mkdtempSync(join(tmpdir(), 'gopher-bench-'));
    const keys = generateNoiseKeyPair();
    const controlAddr = `127.0.0.1:${controlPort}`;
    const server = renderServer({
      bindAddr: controlAddr,
      heartbeatIntervalS: HEARTBEAT_INTERVAL_S,
      localPrivateKey: keys.privateKey,
      services: [{ ...SERVICE, bindAddr: address }],
    });
    const client = renderClient({
      remoteAddr: controlAddr,
      remotePublicKey: keys.publicKey,
      heartbeatTimeoutS: HEARTBEAT_TIMEOUT_S,
      retryIntervalS: RETRY_INTERVAL_S,
      services: [{ ...SERVICE, localAddr: target }],
    });
    const sides = Object.entries({ server, client }).map(([side, toml]) => {
      const file = join(directory, `${side}.toml`);
      writeFileSync(file, toml, { mode: 0o600 });
      const log = openSync(join(directory, `${side}.log`), 'a');
      const child = spawn(rathole, [`--${side}`, file], {
        env: { RUST_LOG: 'info' },
        // As Gopher's are: the kernel shares its time out by sessions before it does by processes.
        detached: true,
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      return child;
    });
    return new BareRathole(directory, sides);
  }

  get pids(): number[] {
    return this.processes.map(({ pid }) => pid!);
  }

  async stop(): Promise<void> {
    for (const child of this.processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
