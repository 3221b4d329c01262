import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AgentCaller } from './agent-caller.js';
import { FakeEdge } from './fake-edge.js';
import { freePort } from '../../../test/product/free-port.js';
import { ratholePath } from '../../../test/product/rathole.js';
import { until } from '../../../test/product/until.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const KILL_AT = fileURLToPath(new URL('./kill-at.mjs', import.meta.url));
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const BUNDLE = 'gopher-agent.mjs';
/** All that is shipped. */
const SHIPPED = [BUNDLE, 'gopher-agent'];
const LAUNCH = JSON.parse(readFileSync(new URL('../launch.json', import.meta.url), 'utf8')) as {
  nodeFlags: string[];
  environment: Record<string, string>;
};

export interface CommandResult {
  code: number | null;
  out: string;
  err: string;
}

/** A machine with a state directory of its own, and the agent as a process of its own. */
export class TestMachine implements AsyncDisposable {
  agent: ChildProcess | null = null;
  private program = [MAIN];
  private more: NodeJS.ProcessEnv = {};
  readonly log: string[] = [];
  /** Where the agent writes its log; null: to this process. */
  logFile: string | null = null;
  private readonly callers: AgentCaller[] = [];
  private readonly others: ChildProcess[] = [];

  private constructor(
    readonly directory: string,
    readonly edge: FakeEdge,
    readonly ports: { agent: number; check: number },
    private rathole: string,
  ) {}

  /** @param rathole default: the one that Gopher prefers */
  static async open(rathole?: string): Promise<TestMachine> {
    const directory = await mkdtemp(join(tmpdir(), 'gopher-agent-'));
    const edge = await FakeEdge.open(join(directory, 'edge'));
    const ports = { agent: await freePort(), check: await freePort() };
    return new TestMachine(directory, edge, ports, rathole ?? (await ratholePath()));
  }

  /** Enrolled, running, and reached through the back-channel. */
  static async running(rathole?: string): Promise<TestMachine> {
    const machine = await TestMachine.open(rathole);
    await machine.edge.serveTunnels(machine.ports.agent, machine.ports.check);
    const { code, err } = await machine.enroll();
    if (code !== 0) throw new Error(err);
    await machine.run();
    return machine;
  }

  get stateDir(): string {
    return join(this.directory, 'state');
  }

  /** Where the owner of the machine says what may be published; there is none to begin with. */
  get policyFile(): string {
    return join(this.directory, 'policy.toml');
  }

  file(...path: string[]): string {
    return join(this.stateDir, ...path);
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env['PATH'],
      ...LAUNCH.environment,
      GOPHER_AGENT_STATE_DIR: this.stateDir,
      GOPHER_AGENT_PORT: String(this.ports.agent),
      GOPHER_AGENT_CHECK_PORT: String(this.ports.check),
      GOPHER_AGENT_POLICY: this.policyFile,
      GOPHER_RATHOLE: this.rathole,
      GOPHER_TEST_KILL_AT: join(this.directory, 'kill-at'),
      ...this.more,
    };
  }

  /** In the environment of everything that is started from now on. */
  also(more: NodeJS.ProcessEnv): void {
    this.more = more;
  }

  /** From its next start on. */
  useRathole(path: string): void {
    this.rathole = path;
  }

  /** From now on the agent as it is shipped: bundled, and with the flags that it is run with. */
  useBundle(): void {
    this.program = [...LAUNCH.nodeFlags, join(DIST, BUNDLE)];
  }

  /** The same, fetched to a place where there is nothing else. */
  async useFetchedBundle(): Promise<void> {
    const place = join(this.directory, 'fetched');
    for (const name of SHIPPED) await cp(join(DIST, name), join(place, name), { recursive: true });
    this.program = [...LAUNCH.nodeFlags, join(place, BUNDLE)];
  }

  /** From now on the agent writes its log into a file, as whoever starts it would have it. */
  useLogFile(): void {
    this.logFile = join(this.directory, 'agent.log');
  }

  /** From now on the agent can be killed at a step of its work; see `killAt`. */
  useKillPoints(): void {
    this.program = ['--import', KILL_AT, MAIN];
  }

  /** The agent ends by SIGKILL before its nth change of anything from now on; null: no more. */
  async killAt(step: number | null): Promise<void> {
    const orders = join(this.directory, 'kill-at');
    await rm(`${orders}.done`, { force: true });
    if (step === null) await rm(orders, { force: true });
    else await writeFile(orders, String(step));
  }

  /** Whether the agent was killed at a step; it is gone then. */
  async wasKilled(): Promise<boolean> {
    const { agent } = this;
    if (!existsSync(join(this.directory, 'kill-at.done'))) return false;
    this.agent = null;
    if (agent && agent.signalCode === null) await once(agent, 'exit');
    return true;
  }

  command(...args: string[]): Promise<CommandResult> {
    return this.commandWith({}, ...args);
  }

  async commandWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<CommandResult> {
    const child = spawn(process.execPath, [...this.program, ...args], {
      env: { ...this.environment, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const result: CommandResult = { code: null, out: '', err: '' };
    child.stdout.on('data', (chunk) => (result.out += String(chunk)));
    child.stderr.on('data', (chunk) => (result.err += String(chunk)));
    [result.code] = (await once(child, 'close')) as [number | null];
    return result;
  }

  enroll(...more: string[]): Promise<CommandResult> {
    const { url, token, ca } = this.edge;
    const pinned = ['--ca-fingerprint', ca.fingerprint];
    return this.command('enroll', '--server', url, '--token', token, ...pinned, ...more);
  }

  /** Resolves when the agent says that it serves. */
  async run(): Promise<void> {
    if (this.logFile !== null) return this.runInto(this.logFile);
    const agent = spawn(process.execPath, [...this.program, 'run'], {
      env: this.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.agent = agent;
    const lines = createInterface({ input: agent.stdout });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    lines.on('line', (line) => {
      this.log.push(line);
      if (line.includes('serves the edge')) resolve();
    });
    agent.once('exit', () => reject(new Error(`the agent ended:\n${this.log.join('\n')}`)));
    await promise;
  }

  private async runInto(path: string): Promise<void> {
    const log = openSync(path, 'a');
    const agent = spawn(process.execPath, [...this.program, 'run'], {
      env: this.environment,
      stdio: ['ignore', log, 'inherit'],
    });
    closeSync(log);
    this.agent = agent;
    await until('the agent serves the edge', () => {
      if (agent.exitCode !== null) throw new Error('the agent ended');
      return readFileSync(path, 'utf8').includes('serves the edge');
    });
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const { agent } = this;
    this.agent = null;
    if (!agent || agent.exitCode !== null || agent.signalCode !== null) return;
    agent.kill(signal);
    await once(agent, 'exit');
  }

  /** By default through the back-channel, as the edge calls. */
  caller(port = this.edge.ports.agent): AgentCaller {
    const caller = new AgentCaller(this.edge, { port });
    this.callers.push(caller);
    return caller;
  }

  /** The configuration with the tunnels that the edge has now, pushed to the agent. */
  async push(caller: AgentCaller, revision: number) {
    const { agent, check } = this.ports;
    await this.edge.serveTunnels(agent, check);
    const config = this.edge.dataConfig(check, revision);
    return caller.call('updateRatholeConfig', {
      ...config,
      revision: BigInt(revision),
      confirmWithinSeconds: 0,
    });
  }

  /** Where the agent listens, as the kernel writes addresses. */
  listening(): string[] {
    const tables = ['tcp', 'tcp6'].map((table) =>
      readFileSync(`/proc/${this.agent!.pid}/net/${table}`, 'latin1'),
    );
    return tables
      .join('')
      .split('\n')
      .flatMap((line) => {
        const [, local = '', , state] = line.trim().split(/\s+/);
        return state === '0A' ? [local] : [];
      });
  }

  /** Of a rathole client, as the agent recorded it. */
  clientPid(name: string): number {
    const file = this.file('processes', `${name}.pid.json`);
    return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
  }

  /** A rathole client that a person started. */
  handRun(args: string[], cwd: string): ChildProcess {
    const child = spawn(this.rathole, args, { cwd, stdio: 'ignore', detached: true });
    this.others.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const caller of this.callers) caller.close();
    await this.kill('SIGKILL');
    await this.command('stop-clients');
    for (const child of this.others) child.kill('SIGKILL');
    await this.edge.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
