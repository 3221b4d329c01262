import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { causeOf, type Check, type Outcome } from '@gopher/diagnosis';
import {
  type DiagnosticCheck,
  DiagnosticOutcome,
  type RunDiagnosticsRequest,
  type RunDiagnosticsResponse,
} from '@gopher/proto';
import { until } from '../../../test/product/until.js';
import type { AgentCaller } from './agent-caller.js';
import type { TestMachine } from './agent-process.js';

const OUTCOMES = new Map<DiagnosticOutcome, Outcome>([
  [DiagnosticOutcome.PASS, 'pass'],
  [DiagnosticOutcome.WARN, 'warn'],
  [DiagnosticOutcome.FAIL, 'fail'],
  [DiagnosticOutcome.SKIP, 'skip'],
]);

export interface Report {
  /** What its first line is about; null: nothing is wrong. */
  cause: Check | null;
  checks: Check[];
  took: number;
}

/** Asked for by the edge. */
export async function askedReport(
  caller: AgentCaller,
  request: Partial<RunDiagnosticsRequest> = {},
): Promise<Report> {
  const whole = { edgeTime: new Date(), expectedSha256: '', targets: [], ...request };
  const startedAt = performance.now();
  const answer = await caller.call<RunDiagnosticsResponse>('runDiagnostics', whole, 10_000);
  const checks = answer.checks.map(toCheck);
  return { cause: causeOf(checks), checks, took: performance.now() - startedAt };
}

/** Asked for on the machine. */
export async function localReport(
  machine: TestMachine,
  env: NodeJS.ProcessEnv = {},
): Promise<Report & { code: number | null }> {
  const startedAt = performance.now();
  const { code, out, err } = await machine.commandWith(env, 'diagnose', '--json');
  const took = performance.now() - startedAt;
  if (out === '') throw new Error(err);
  const { cause, checks } = JSON.parse(out) as Report;
  return { cause, checks, code, took };
}

function toCheck({ outcome, leg, subject, advice, value, ...check }: DiagnosticCheck): Check {
  return {
    ...check,
    leg: leg as Check['leg'],
    outcome: OUTCOMES.get(outcome)!,
    subject: subject || null,
    advice: advice || null,
    measured: value === undefined ? null : { value, unit: check.unit as 'ms' },
  };
}

/** The disk and the memory of the host that the test runs on are not the test's. */
export const withoutHost = ({ checks }: Report): Check[] =>
  checks.filter(
    ({ id, outcome }) => outcome !== 'warn' || !['disk', 'inodes', 'memory'].includes(id),
  );

/** A port at which nobody answers: its listener is frozen and its queue is full, so that SYNs are dropped. */
export class SilentPort implements AsyncDisposable {
  private constructor(
    private readonly listener: ChildProcess,
    private readonly queued: Socket[],
  ) {}

  static async open(port: number): Promise<SilentPort> {
    const options = JSON.stringify({ port, host: '127.0.0.1', backlog: 1 });
    const program = `require('net').createServer().listen(${options}, () => console.log('listens'))`;
    const listener = spawn(process.execPath, ['-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(listener.stdout, 'data');
    listener.kill('SIGSTOP');
    const silent = new SilentPort(listener, []);
    await until('its queue is full', async () => !(await silent.takesOneMore(port)));
    return silent;
  }

  private takesOneMore(port: number): Promise<boolean> {
    const socket = connect(port, '127.0.0.1');
    this.queued.push(socket);
    return new Promise((resolve) => {
      socket.on('error', () => {});
      socket.once('connect', () => resolve(true));
      setTimeout(() => resolve(false), 300);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.kill('SIGKILL');
    await once(this.listener, 'exit');
    for (const socket of this.queued) socket.destroy();
  }
}
