import { readFile } from 'node:fs/promises';
import { type ProcessSpec, ProcessSupervisor } from '@gopher/supervisor';
import { TrialFailedError } from '../trial.errors.js';
import { until, type Wait } from '../until.js';
import { isOutdated } from './specs.js';

export type Beginning = 'started' | 'found running' | 'restarted';

const SHOWN_LINES = 12;
/** A program that ends so often by itself will not come up. */
const HOPELESS_RESTARTS = 2;

/** The processes of the trial that are not engines: kept running, and told how they are. */
export class TrialSupervisor {
  readonly processes: ProcessSupervisor;

  constructor(directory: string) {
    this.processes = new ProcessSupervisor({ directory });
  }

  /** Starts or adopts it; one that was built or set up otherwise is restarted. */
  async run(spec: ProcessSpec): Promise<Beginning> {
    const { adopted, restartNeeded, pid } = await this.processes.start(spec);
    if (!adopted || pid === null) return 'started';
    if (!restartNeeded && !isOutdated(pid, spec)) return 'found running';
    await this.processes.restart(spec.name);
    return 'restarted';
  }

  /** @throws TrialFailedError with the end of its log when it keeps ending, or takes too long */
  async untilReady<T>(
    name: string,
    ask: () => Promise<T | null>,
    { timeoutMs, signal }: Wait,
  ): Promise<T> {
    const before = this.processes.status(name).restarts;
    const askWhileItRuns = async () => {
      const { restarts, state } = this.processes.status(name);
      if (restarts - before >= HOPELESS_RESTARTS && state !== 'running') {
        throw await this.failure(name, 'ends again and again');
      }
      return ask();
    };
    const answer = await until(askWhileItRuns, { timeoutMs, signal });
    if (answer !== null) return answer;
    throw await this.failure(name, `was not ready within ${timeoutMs / 1_000} s`);
  }

  async failure(name: string, what: string): Promise<TrialFailedError> {
    const path = this.processes.logFile(name);
    const text = await readFile(path, 'utf8').catch(() => '');
    const lines = text.trimEnd().split('\n').slice(-SHOWN_LINES).map(readableLine);
    return new TrialFailedError(
      [`${name} ${what}. The end of its log, ${path}:`, ...lines].join('\n'),
    );
  }
}

/** Of a line of JSON, what a person reads. */
export function readableLine(line: string): string {
  try {
    const { msg, message, context, err } = JSON.parse(line) as Record<string, unknown>;
    const text = msg ?? message;
    if (typeof text !== 'string') return `  ${line}`;
    const stack = (err as { stack?: unknown } | undefined)?.stack;
    const from = typeof context === 'string' ? `${context}: ` : '';
    return `  ${from}${text}${typeof stack === 'string' ? `\n${stack}` : ''}`;
  } catch {
    return `  ${line}`;
  }
}
