import { LOG_LEVELS, type LogLevel } from './log-entry.js';

export const MAX_TAIL = 10_000;
export const MAX_CONTAINS_CHARS = 200;

export interface LogQuery<Source extends string = string> {
  sources: readonly Source[];
  /** The newest entries to begin with, of those that fit. */
  tail: number;
  follow: boolean;
  /** Entries from then on; null: no limit. One without a time belongs to those around it. */
  since: Date | null;
  leastLevel: LogLevel;
  /** In any case; empty: all. */
  contains: string;
}

export type LogFilter = Pick<LogQuery, 'since' | 'leastLevel' | 'contains'>;

const rank = (level: LogLevel): number => LOG_LEVELS.indexOf(level);

/** What of a query can be told of one line. */
export class LineFilter {
  /** Every line fits. */
  readonly takesAll: boolean;
  private readonly since: number;
  private readonly least: number;
  private readonly wanted: string;

  constructor({ since, leastLevel, contains }: LogFilter) {
    this.since = since?.getTime() ?? -Infinity;
    this.least = rank(leastLevel);
    this.wanted = contains.toLowerCase();
    this.takesAll = since === null && this.least === 0 && this.wanted === '';
  }

  isTooOld(at: Date | null): boolean {
    return at !== null && at.getTime() < this.since;
  }

  fitsLevel(level: LogLevel): boolean {
    return rank(level) >= this.least;
  }

  /** @param text as a reader sees it: whoever asks for a secret must not learn where it stands */
  fitsText(text: string): boolean {
    return this.wanted === '' || text.toLowerCase().includes(this.wanted);
  }
}
