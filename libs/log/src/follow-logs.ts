import { setTimeout as delay } from 'node:timers/promises';
import type { LogEntry } from './log-entry.js';
import type { LogBatch } from './log-reader.js';
import { inOrderOfTime } from './order-of-time.js';
import { NewestEntries } from './newest-entries.js';

/** A message at most so often: with what fits into one, 2,000 entries a second. */
const PACE_MS = 250;

/** One log from a place on. */
export interface LogFollower<Source extends string> {
  /** What was logged since, the newest of it. */
  take(signal: AbortSignal): Promise<{ entries: LogEntry<Source>[]; dropped: number }>;
  /** Resolves when there may be more, or `signal` aborts. @throws LogUnavailableError */
  untilMore(signal: AbortSignal): Promise<void>;
}

/** What is logged, in the order in which it is found. Nothing is read while no batch is awaited. */
export async function* followLogs<Source extends string>(
  followers: readonly LogFollower<Source>[],
  signal: AbortSignal,
): AsyncGenerator<LogBatch<Source>> {
  while (!signal.aborted) {
    const batch = await takeAll(followers, signal);
    if (batch.entries.length > 0 || batch.dropped > 0) {
      const paced = performance.now() + PACE_MS;
      yield { ...batch, caughtUp: true };
      await pause(paced - performance.now(), signal);
    } else {
      await untilAnyHasMore(followers, signal);
    }
  }
}

async function takeAll<Source extends string>(
  followers: readonly LogFollower<Source>[],
  signal: AbortSignal,
) {
  const newest = new NewestEntries<Source>();
  const found: LogEntry<Source>[][] = [];
  for (const follower of followers) {
    const { entries, dropped } = await follower.take(signal);
    newest.drop(dropped);
    found.push(entries);
  }
  for (const entry of inOrderOfTime(found)) newest.add(entry);
  return newest.take();
}

async function untilAnyHasMore(
  followers: readonly LogFollower<string>[],
  signal: AbortSignal,
): Promise<void> {
  const enough = new AbortController();
  const end = () => enough.abort();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    await Promise.race(followers.map((follower) => follower.untilMore(enough.signal)));
  } finally {
    end();
    signal.removeEventListener('abort', end);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await delay(ms, undefined, { signal }).catch(() => {});
}
