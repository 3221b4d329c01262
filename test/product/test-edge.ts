import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortBlock, type PortBlock } from './ports.js';
import { NODE, Program, repositoryPath } from './program.js';
import { until } from './until.js';

const MAIN = repositoryPath('apps/gopher-server/dist/main.js');

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

export interface MachineView {
  id: string;
  name: string;
  agentAddr: string | null;
  agentStatus: string | null;
  health: string;
  reasons: string[];
  version: number;
}

export interface TunnelView {
  id: string;
  machineId: string;
  port: number;
  address: string;
  target: string;
  state: string;
  leg: string | null;
  reason: string | null;
  version: number;
}

/** A whole edge, as installed: its own process, PostgreSQL and rathole, in a folder of its own. */
export class TestEdge {
  private server: Program | null = null;

  private constructor(
    readonly directory: string,
    readonly ports: PortBlock,
    readonly settings: Record<string, string>,
  ) {}

  static async start(settings: Record<string, string> = {}): Promise<TestEdge> {
    // Short, since PostgreSQL's socket lies below it; open, since PostgreSQL runs as another user.
    const directory = mkdtempSync(join(tmpdir(), 'gopher-e2e-'));
    chmodSync(directory, 0o755);
    const edge = new TestEdge(directory, await freePortBlock(), settings);
    try {
      await edge.startServer();
    } catch (error) {
      await edge.stop().catch(() => {}); // what failed first tells more
      throw error;
    }
    return edge;
  }

  get stateDir(): string {
    return join(this.directory, 'edge');
  }

  get databaseDir(): string {
    return join(this.directory, 'db');
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.api}`;
  }

  get serverPid(): number {
    if (!this.server) throw new Error('gopher-server does not run');
    return this.server.pid;
  }

  /** Of a process that the edge supervises. */
  enginePid(name: 'rathole-server' | 'postgres'): number {
    const file = join(this.stateDir, 'run', `${name}.pid.json`);
    return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
  }

  serverLog(): string {
    return this.server?.log() ?? '';
  }

  environment(): Record<string, string> {
    const { api, rathole, tunnels, backChannels } = this.ports;
    return {
      GOPHER_STATE_DIR: this.stateDir,
      // Below this folder also for root, whose PostgreSQL runs as a user who may not enter the state.
      GOPHER_DATABASE_DIR: this.databaseDir,
      GOPHER_PORT: String(api),
      GOPHER_RATHOLE_BIND: `127.0.0.1:${rathole}`,
      GOPHER_TUNNEL_PORTS: `${tunnels.from}-${tunnels.to}`,
      GOPHER_BACK_CHANNEL_PORTS: `${backChannels.from}-${backChannels.to}`,
      ...(process.env.GOPHER_RATHOLE ? { GOPHER_RATHOLE: process.env.GOPHER_RATHOLE } : {}),
      ...this.settings,
    };
  }

  /** Resolves once it is ready. */
  async startServer(): Promise<void> {
    const server = Program.start([MAIN], this.environment(), join(this.directory, 'server.log'));
    this.server = server;
    await until(
      `gopher-server is ready; its log ends with:\n${server.log().slice(-2_000)}`,
      async () => {
        if (!server.running) throw new Error(`gopher-server ended:\n${server.log().slice(-2_000)}`);
        return (await fetch(`${this.url}/readyz`)).ok;
      },
      60_000,
    );
    // Another program on its port would answer as well.
    await this.api('GET', '/edge');
  }

  /** Ends gopher-server alone; its engines stay. */
  async endServer(signal: NodeJS.Signals): Promise<void> {
    await this.server?.end(signal);
    this.server = null;
  }

  /** Ends everything and removes the folder. */
  async stop(): Promise<void> {
    await this.endServer('SIGTERM');
    execFileSync(NODE, [MAIN, 'stop'], { env: { ...process.env, ...this.environment() } });
    rmSync(this.directory, { recursive: true, force: true });
  }

  get token(): string {
    const file = join(this.stateDir, 'api-token');
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  }

  /** A call of the API with its token; any status is an answer. */
  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    const json = text !== '' && (response.headers.get('content-type') ?? '').includes('json');
    return {
      status: response.status,
      headers: response.headers,
      body: (json ? JSON.parse(text) : text) as T,
    };
  }

  /** A call that has to succeed. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call<T>(method, path, body);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  createMachine(
    name: string,
  ): Promise<MachineView & { join: { token: string; command: string; expiresAt: string } }> {
    return this.api('POST', '/machines', { name });
  }

  createTunnel(input: {
    machineId: string;
    target: string;
    protocol?: 'tcp' | 'udp';
    port?: number;
  }): Promise<TunnelView> {
    return this.api('POST', '/tunnels', input);
  }

  /** A tunnel that is active already. */
  async publish(machineId: string, target: string): Promise<TunnelView> {
    const { id } = await this.createTunnel({ machineId, target });
    return this.activeTunnel(id);
  }

  /** Resolves once the tunnel is active. */
  activeTunnel(id: string, timeoutMs?: number): Promise<TunnelView> {
    return until(
      `tunnel ${id} is active`,
      async () => {
        const tunnel = await this.api<TunnelView>('GET', `/tunnels/${id}`);
        if (tunnel.state === 'active') return tunnel;
        throw new Error(`${tunnel.state}: ${tunnel.reason}`);
      },
      timeoutMs,
    );
  }

  status<T = { health: string; reasons: string[]; agent: { status: string } | null }>(
    machineId: string,
  ): Promise<T> {
    return this.api('GET', `/machines/${machineId}/status`);
  }
}
