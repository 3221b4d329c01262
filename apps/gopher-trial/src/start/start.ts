import type { TrialConfig } from '../config/trial.config.js';
import { Progress } from '../console/progress.js';
import { type Summary, summaryText } from '../console/summary.js';
import { findRathole } from '../edge/rathole.js';
import { checkPorts } from '../ports/check-ports.js';
import { stopEverything } from '../stop/stop-everything.js';
import { Trial } from '../trial.js';
import { InterruptedError, messageOf, TrialFailedError } from '../trial.errors.js';
import { until } from '../until.js';
import { Interrupt } from './interrupt.js';
import { takeLock } from './take-lock.js';
import { watch } from './watch.js';

export interface StartOptions {
  detach: boolean;
  json: boolean;
}

const TURN_TIMEOUT_MS = 600_000;
const RATHOLE_POLL_MS = 5_000;
const EXIT_OF_SIGNAL: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGHUP: 129 };

/** Resolves with the exit code. */
export async function start(config: TrialConfig, options: StartOptions): Promise<number> {
  const interrupt = new Interrupt();
  const progress = new Progress(options.json ? process.stderr : process.stdout, config.startedAt);
  const trial = new Trial(config, progress);
  try {
    await trial.directory.prepare(config.isDefaultDirectory);
    const wait = { timeoutMs: TURN_TIMEOUT_MS, signal: interrupt.signal };
    const turn = await takeLock(trial.directory, progress, wait);
    if (turn === null) throw new TrialFailedError('It did not come to an end: see npm stop');
    if ('lock' in turn) return await new Start(trial, options, interrupt).run();
    progress.line(`It runs already; process ${turn.holder} looks after it`);
    print(turn.summary, options, progress, 'npm stop');
    return turn.summary.problem === null ? 0 : 1;
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    return EXIT_OF_SIGNAL[error.signal] ?? 143;
  } finally {
    progress.close();
  }
}

/** What the one that has the lock does; the kernel takes the lock back when the process ends. */
class Start {
  constructor(
    private readonly trial: Trial,
    private readonly options: StartOptions,
    private readonly interrupt: Interrupt,
  ) {}

  async run(): Promise<number> {
    const { trial } = this;
    const found = await trial.running();
    await checkPorts(trial.config.ports, new Set(found.map(({ pid }) => pid)));
    await trial.directory.removeSummary();
    const summary = await this.bringUp(found.length > 0);
    if (this.options.detach) {
      await trial.supervisor.processes.release();
      return summary.problem === null ? 0 : 1;
    }
    await this.stayInForeground(summary);
    return (await stopEverything(trial)) ? 0 : 1;
  }

  /** A failure leaves nothing behind, unless something ran before: that goes on. */
  private async bringUp(ranBefore: boolean): Promise<Summary> {
    const { trial, interrupt } = this;
    try {
      const rathole = await trial.begin(interrupt.signal);
      const summary =
        'engine' in rathole
          ? await trial.connect(interrupt.signal)
          : trial.summary(rathole.problem);
      await this.present(summary);
      return summary;
    } catch (error) {
      const interrupted = interrupt.signal.aborted;
      if (interrupted || !ranBefore) await stopEverything(trial);
      throw interrupted ? interrupt.signal.reason : error;
    }
  }

  private async present(summary: Summary): Promise<void> {
    const { trial, options } = this;
    await trial.directory.writeSummary(JSON.stringify(summary));
    print(summary, options, trial.progress, options.detach ? 'npm stop' : 'Ctrl-C, or npm stop');
  }

  /** Until it is to be stopped. Where rathole was missing, it is looked for all the time. */
  private async stayInForeground(summary: Summary): Promise<void> {
    const { trial, interrupt } = this;
    let current = summary;
    let stopWatching = watch(trial, current.machineId);
    if (summary.problem !== null) {
      current = await this.connectLater(summary);
      stopWatching();
      stopWatching = watch(trial, current.machineId);
    }
    // Neither a signal handler nor the supervisor keeps Node alive.
    const alive = setInterval(() => {}, 2 ** 30);
    await interrupt.came;
    clearInterval(alive);
    stopWatching();
  }

  private async connectLater(before: Summary): Promise<Summary> {
    const { trial, interrupt } = this;
    const { signal } = interrupt;
    const ask = async () => ('engine' in (await findRathole(trial.config)) ? true : null);
    trial.progress.line('Looking for rathole all the time; it is used as soon as it is there');
    try {
      await until(ask, { timeoutMs: Infinity, signal, everyMs: RATHOLE_POLL_MS });
      const summary = await trial.connect(signal);
      await this.present(summary);
      return summary;
    } catch (error) {
      if (!signal.aborted) trial.progress.line(messageOf(error));
      return before;
    }
  }
}

function print(summary: Summary, { json }: StartOptions, progress: Progress, stop: string): void {
  if (json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  else progress.text(summaryText(summary, stop));
}
