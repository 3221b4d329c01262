import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NODE, Program, repositoryPath } from './program.js';
import type { TestEdge } from './test-edge.js';
import type { TestHost } from './test-host.js';
import { until } from './until.js';

const AGENT = repositoryPath('apps/gopher-agent/dist/gopher-agent.mjs');
const LAUNCH = JSON.parse(
  readFileSync(repositoryPath('apps/gopher-agent/launch.json'), 'utf8'),
) as { nodeFlags: string[]; environment: Record<string, string> };

/** A machine with an agent: its own processes and folder, joined through the real enrolment. */
export class TestMachine {
  agent: Program | null = null;
  /** For programs that are started from now on. */
  readonly settings: Record<string, string>;
  /** Where programs run from now on; null: on this host. */
  host: TestHost | null = null;

  private constructor(
    private readonly edge: TestEdge,
    readonly id: string,
    readonly name: string,
    readonly agentPort: number,
    readonly checkPort: number,
    settings: Record<string, string>,
  ) {
    this.settings = { ...settings };
  }

  static async join(
    edge: TestEdge,
    name: string,
    settings: Record<string, string> = {},
  ): Promise<TestMachine> {
    const { id, join: joining } = await edge.createMachine(name);
    const machine = TestMachine.of(edge, { id, name }, settings);
    try {
      await machine.enrol(joining.command);
      await machine.startAgent();
      await machine.untilUp();
    } catch (error) {
      await machine.stop().catch(() => {}); // what failed first tells more
      throw error;
    }
    return machine;
  }

  /** A machine that exists on the edge and has not joined yet. */
  static of(
    edge: TestEdge,
    { id, name }: { id: string; name: string },
    settings: Record<string, string> = {},
  ): TestMachine {
    return new TestMachine(edge, id, name, edge.ports.next(), edge.ports.next(), settings);
  }

  get stateDir(): string {
    return join(this.edge.directory, `machine-${this.name}`);
  }

  environment(): Record<string, string> {
    return {
      ...LAUNCH.environment,
      GOPHER_AGENT_STATE_DIR: this.stateDir,
      GOPHER_AGENT_PORT: String(this.agentPort),
      GOPHER_AGENT_CHECK_PORT: String(this.checkPort),
      ...(process.env.GOPHER_RATHOLE ? { GOPHER_RATHOLE: process.env.GOPHER_RATHOLE } : {}),
      ...this.settings,
    };
  }

  /** Runs a command of gopher-agent to its end. */
  async run(args: readonly string[]): Promise<string> {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '/',
      ...this.environment(),
    };
    const [file = NODE, ...rest] = [...this.prefix, NODE, ...LAUNCH.nodeFlags, AGENT, ...args];
    const { stdout } = await promisify(execFile)(file, rest, { env });
    return stdout;
  }

  /** @param command as the edge gave it, `gopher-agent enroll …` */
  async enrol(command: string, ...more: string[]): Promise<string> {
    return this.run([...command.split(' ').slice(1), ...more]);
  }

  startAgent(): Promise<void> {
    const log = join(this.edge.directory, `agent-${this.name}.log`);
    const args = [...LAUNCH.nodeFlags, AGENT, 'run'];
    this.agent = Program.start(args, this.environment(), log, this.prefix);
    return Promise.resolve();
  }

  untilUp(timeoutMs?: number): Promise<unknown> {
    return until(
      `the agent of ${this.name} is up`,
      async () => (await this.edge.status(this.id)).agent?.status === 'up',
      timeoutMs,
    );
  }

  /** Of a rathole client, as the agent recorded it. */
  clientPid(name: 'control' | 'data'): number {
    const file = join(this.stateDir, 'processes', `${name}.pid.json`);
    return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
  }

  /** Ends the agent alone; its rathole clients stay. */
  async endAgent(signal: NodeJS.Signals): Promise<void> {
    await this.agent?.end(signal);
    this.agent = null;
  }

  private get prefix(): readonly string[] {
    return this.host?.prefix ?? [];
  }

  async stop(): Promise<void> {
    await this.endAgent('SIGTERM');
    if (!existsSync(this.stateDir)) return;
    const env = { ...process.env, ...this.environment() };
    execFileSync(NODE, [...LAUNCH.nodeFlags, AGENT, 'stop-clients'], { env });
  }
}
