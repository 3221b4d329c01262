import { setTimeout as delay } from 'node:timers/promises';
import { type Check, type CheckId, skipped } from '@gopher/diagnosis';
import type { Situation } from './situation.js';

/** One look at one thing, which gives one check or, where there are several of it, one for each. */
export interface Examination {
  /** What is skipped when it fails or takes too long. */
  ids: readonly [CheckId, ...CheckId[]];
  examine(situation: Situation): Promise<Check[]> | Check[];
}

/** A network that swallows everything makes two steps of 1.5 s each. */
export const DEADLINE_MS = 4_000;

/** All at once. One that throws or hangs says so, and does not keep the others from being told. */
export async function runAll(
  examinations: readonly Examination[],
  situation: Situation,
  deadlineMs = DEADLINE_MS,
): Promise<Check[]> {
  const found = await Promise.all(examinations.map((one) => runOne(one, situation, deadlineMs)));
  return found.flat();
}

async function runOne(
  examination: Examination,
  situation: Situation,
  deadlineMs: number,
): Promise<Check[]> {
  const end = new AbortController();
  const late = delay(deadlineMs, null, { signal: end.signal });
  // Async, so that one which throws before it waits rejects as well.
  const look = async () => examination.examine(situation);
  const skipAll = (why: string) => examination.ids.map((id) => skipped(id, why));
  try {
    const checks = await Promise.race([look(), late]);
    return checks ?? skipAll(`This check did not end within ${deadlineMs / 1_000} s`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return skipAll(`This check could not be made: ${why}`);
  } finally {
    late.catch(() => {}); // aborted, since it is not needed any more
    end.abort();
  }
}
