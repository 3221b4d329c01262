import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TrialConfig } from '../config/trial.config.js';
import { Progress } from '../console/progress.js';
import { Interrupt } from '../start/interrupt.js';
import { tryLock } from '../start/take-lock.js';
import { Trial } from '../trial.js';
import { messageOf, TrialFailedError } from '../trial.errors.js';
import { until } from '../until.js';
import { stopEverything } from './stop-everything.js';

/** As long as a foreground start may take to stop everything by itself. */
const HANDOVER_MS = 120_000;
/** Where gopher-server puts a database, or its socket, that can not be below its own directory. */
const OUTSIDE = /\/gopher-database\/[0-9a-f]{12}$|\/gopher-\d+-[0-9a-f]{12}$/;
const never = new AbortController().signal;

/** Resolves with the exit code. */
export async function stop(config: TrialConfig, { purge }: { purge: boolean }): Promise<number> {
  Interrupt.ignore(); // half a stop is no good: it is short, and goes through
  const progress = new Progress(process.stdout, config.startedAt);
  const trial = new Trial(config, progress);
  try {
    if (!existsSync(trial.directory.trial)) {
      progress.text(`Nothing of the trial runs, nor is there anything in ${config.directory}.\n`);
      return 0;
    }
    await takeOver(trial);
    const found = await trial.running();
    if (found.length === 0) progress.text('Nothing of the trial runs.\n');
    const stopped = found.length === 0 || (await stopEverything(trial));
    if (stopped && purge) await removeAll(trial);
    return stopped ? 0 : 1;
  } finally {
    progress.close();
  }
}

/** Has a start that looks after the trial stop it, which is what Ctrl-C there does as well. */
async function takeOver(trial: Trial): Promise<void> {
  const first = await tryLock(trial.directory);
  if ('lock' in first) return;
  const { holder } = first;
  if (holder > 0) process.kill(holder, 'SIGTERM');
  const taken = await trial.progress.step(
    `Process ${holder}, which looks after the trial, stops it`,
    () => until(async () => ('lock' in (await tryLock(trial.directory)) ? true : null), wait),
    (done) => (done ? `Process ${holder} is done` : null),
  );
  if (taken) return;
  throw new TrialFailedError(
    `Process ${holder} does not stop the trial. Should it hang: kill -9 ${holder}, then npm stop`,
  );
}

const wait = { timeoutMs: HANDOVER_MS, signal: never, everyMs: 100 };

async function removeAll({ directory, progress }: Trial): Promise<void> {
  const { database } = await directory.recall();
  try {
    const homes = database ? [dirname(database.dataDir), database.socketDir] : [];
    for (const path of homes.filter((home) => OUTSIDE.test(home))) {
      await rm(path, { recursive: true, force: true });
      progress.line(`${path} removed`);
    }
    await directory.purge();
    progress.line(`${directory.root} removed`);
  } catch (error) {
    throw new TrialFailedError(`Not everything could be removed: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
