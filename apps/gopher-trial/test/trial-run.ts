import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODE, portBlock, repositoryPath } from '../../../test/product/index.js';

const MAIN = repositoryPath('apps/gopher-trial/dist/main.js');

export interface Result {
  code: number | null;
  out: string;
  err: string;
  ms: number;
}

/** A command that was begun. */
export class Run {
  out = '';
  err = '';
  private readonly begun = performance.now();
  private readonly closed: Promise<unknown>;

  constructor(readonly child: ChildProcess) {
    child.stdout!.on('data', (chunk) => (this.out += String(chunk)));
    child.stderr!.on('data', (chunk) => (this.err += String(chunk)));
    this.closed = once(child, 'close');
  }

  /** Resolves once the text was printed. */
  async said(text: string): Promise<void> {
    while (!`${this.out}${this.err}`.includes(text)) {
      const more = [once(this.child.stdout!, 'data'), once(this.child.stderr!, 'data')];
      const ended = this.closed.then(() => Promise.reject(new Error(this.out + this.err)));
      await Promise.race([...more, ended]);
    }
  }

  async ended(): Promise<Result> {
    await this.closed;
    const { out, err, child } = this;
    return { code: child.exitCode, out, err, ms: performance.now() - this.begun };
  }

  async kill(signal: NodeJS.Signals): Promise<Result> {
    this.child.kill(signal);
    return this.ended();
  }
}

/** One trial directory with ports of its own. */
export class TestTrial {
  private readonly ports = portBlock();
  readonly env: Record<string, string>;

  constructor(readonly directory: string) {
    const { api, rathole, tunnels, backChannels } = this.ports;
    this.env = {
      ...(process.env as Record<string, string>),
      GOPHER_TRIAL_DIR: directory,
      GOPHER_TRIAL_API_PORT: String(api),
      GOPHER_TRIAL_RATHOLE_PORT: String(rathole),
      GOPHER_TRIAL_AGENT_PORT: String(this.ports.next()),
      GOPHER_TRIAL_CHECK_PORT: String(this.ports.next()),
      GOPHER_TRIAL_PAGE_PORT: String(this.ports.next()),
      GOPHER_TRIAL_TUNNEL_PORTS: `${tunnels.from}-${tunnels.to}`,
      GOPHER_TRIAL_BACK_CHANNEL_PORTS: `${backChannels.from}-${backChannels.to}`,
    };
  }

  begin(args: string[], env: Record<string, string> = {}): Run {
    const options = { env: { ...this.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] as const };
    return new Run(spawn(NODE, [MAIN, ...args], { ...options, stdio: [...options.stdio] }));
  }

  run(args: string[], env: Record<string, string> = {}): Promise<Result> {
    return this.begin(args, env).ended();
  }

  async call<T>(method: string, path: string): Promise<T> {
    const token = readFileSync(join(this.directory, 'server/api-token'), 'utf8').trim();
    const url = `http://127.0.0.1:${this.env['GOPHER_TRIAL_API_PORT']}/api/v1${path}`;
    const response = await fetch(url, { method, headers: { authorization: `Bearer ${token}` } });
    return (await response.json()) as T;
  }

  /** By the pid file of a supervisor: `trial/gopher-server`, `server/run/postgres` and so on. */
  pid(name: string): number {
    const text = readFileSync(join(this.directory, `${name}.pid.json`), 'utf8');
    return (JSON.parse(text) as { pid: number }).pid;
  }

  memory(): { database: { dataDir: string } } {
    return JSON.parse(readFileSync(join(this.directory, 'trial/memory.json'), 'utf8'));
  }

  /** Every process that was told of the directory, in words or by its environment. */
  processes(): string[] {
    const told = (pid: string) =>
      ['cmdline', 'environ'].some((file) =>
        readOrEmpty(`/proc/${pid}/${file}`).includes(this.directory),
      );
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid && told(entry))
      .map((pid) => `${pid} ${readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
