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

export type Transport = 'noise' | 'tcp';
type ProcessName = 'server' | `client-${number}`;

export interface BareOptions {
  rathole: string;
  controlPort: number;
  /** Ports of 127.0.0.1 where visitors arrive: one service each. */
  ports: readonly number[];
  target: string;
  transport?: Transport;
  /** How many clients share the services. */
  clients?: number;
  env?: Record<string, string>;
}

/** rathole as somebody sets it up by hand: a server, its clients, and nothing of Gopher. */
export class BareRathole {
  readonly startedAt = performance.now();
  private readonly running = new Map<ProcessName, ChildProcess>();

  private constructor(
    private readonly options: BareOptions,
    private readonly directory: string,
    processes: readonly ProcessName[],
  ) {
    for (const name of processes) this.launch(name);
  }

  static start(options: BareOptions): BareRathole {
    const directory = mkdtempSync(join(tmpdir(), 'gopher-bench-'));
    const files = filesOf(options);
    for (const [name, toml] of files) {
      writeFileSync(join(directory, `${name}.toml`), toml, { mode: 0o600 });
    }
    return new BareRathole(
      options,
      directory,
      files.map(([name]) => name),
    );
  }

  get ports(): readonly number[] {
    return this.options.ports;
  }

  /** Of the first service. */
  get address(): string {
    return `127.0.0.1:${this.ports[0]}`;
  }

  get controlAddress(): string {
    return `127.0.0.1:${this.options.controlPort}`;
  }

  get pids(): number[] {
    return [...this.running.values()].map(({ pid }) => pid!);
  }

  pidOf(name: ProcessName): number {
    return this.running.get(name)!.pid!;
  }

  /** Kills it, and starts it again at once. */
  async restart(name: ProcessName): Promise<void> {
    await end(this.running.get(name)!, 'SIGKILL');
    this.launch(name);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.running.values()].map((child) => end(child, 'SIGTERM')));
    rmSync(this.directory, { recursive: true, force: true });
  }

  private launch(name: ProcessName): void {
    const side = name === 'server' ? '--server' : '--client';
    const log = openSync(join(this.directory, `${name}.log`), 'a');
    const child = spawn(this.options.rathole, [side, join(this.directory, `${name}.toml`)], {
      env: { RUST_LOG: 'info', ...this.options.env },
      // As Gopher's are: the kernel shares its time out by sessions before it does by processes.
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.running.set(name, child);
  }
}

function filesOf({
  controlPort,
  ports,
  target,
  transport = 'noise',
  clients = 1,
}: BareOptions): [ProcessName, string][] {
  const keys = generateNoiseKeyPair();
  const controlAddr = `127.0.0.1:${controlPort}`;
  const services = ports.map((port) => {
    const service = { name: `bare-${port}`, type: 'tcp', token: 'bare' } as const;
    return { ...service, bindAddr: `127.0.0.1:${port}`, localAddr: target };
  });
  const server = renderServer({
    bindAddr: controlAddr,
    heartbeatIntervalS: HEARTBEAT_INTERVAL_S,
    localPrivateKey: keys.privateKey,
    services,
  });
  const clientFile = (client: number) =>
    renderClient({
      remoteAddr: controlAddr,
      remotePublicKey: keys.publicKey,
      heartbeatTimeoutS: HEARTBEAT_TIMEOUT_S,
      retryIntervalS: RETRY_INTERVAL_S,
      services: services.filter((_, i) => i % clients === client),
    });
  // Gopher knows Noise alone. rathole does not look at the keys when it is told another.
  const over = (toml: string) => toml.replace('type = "noise"', `type = "${transport}"`);
  return [
    ['server', over(server)],
    ...Array.from({ length: clients }, (_, i): [ProcessName, string] => [
      `client-${i}`,
      over(clientFile(i)),
    ]),
  ];
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
