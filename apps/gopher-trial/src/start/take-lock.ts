import { InstanceLock, InstanceLockedError } from '@gopher/supervisor';
import type { Progress } from '../console/progress.js';
import type { Summary } from '../console/summary.js';
import type { TrialDirectory } from '../trial-directory.js';
import { until, type Wait } from '../until.js';

const POLL_MS = 200;

/** Either we look after the trial, or another process does and has everything running. */
export type Turn = { lock: InstanceLock } | { summary: Summary; holder: number };

/** null when another process has it for longer than we wait. */
export async function takeLock(
  directory: TrialDirectory,
  progress: Progress,
  wait: Omit<Wait, 'everyMs'>,
): Promise<Turn | null> {
  const first = await tryLock(directory);
  if ('lock' in first) return first;
  return progress.step(
    `Waiting for npm start or npm stop, which runs as process ${first.holder}`,
    () => until(() => turn(directory), { ...wait, everyMs: POLL_MS }),
    () => null,
  );
}

async function turn(directory: TrialDirectory): Promise<Turn | null> {
  const attempt = await tryLock(directory);
  if ('lock' in attempt) return attempt;
  const text = await directory.readSummary();
  return text === null ? null : { summary: JSON.parse(text) as Summary, holder: attempt.holder };
}

/** 0: the holder is about to say who it is. */
export async function tryLock({
  trial,
}: TrialDirectory): Promise<{ lock: InstanceLock } | { holder: number }> {
  try {
    return { lock: await InstanceLock.acquire(trial) };
  } catch (error) {
    if (!(error instanceof InstanceLockedError)) throw error;
    return { holder: Number(/in use by process (\d+) since/.exec(error.message)?.[1] ?? 0) };
  }
}
