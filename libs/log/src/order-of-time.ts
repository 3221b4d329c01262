import type { LogEntry } from './log-entry.js';

/**
 * The moment of each entry of one log, in its order. One without a time is as old as the one before it,
 * and a clock that was set back changes the order of no log.
 */
export class Moments {
  private last = -Infinity;

  of({ at }: Pick<LogEntry, 'at'>): number {
    this.last = Math.max(this.last, at?.getTime() ?? this.last);
    return this.last;
  }
}

/** Several logs as one. */
export function inOrderOfTime<Source extends string>(
  logs: readonly LogEntry<Source>[][],
): LogEntry<Source>[] {
  const timed = logs.flatMap((entries) => {
    const moments = new Moments();
    return entries.map((entry) => ({ entry, at: moments.of(entry) }));
  });
  return timed.sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at))).map(({ entry }) => entry);
}
