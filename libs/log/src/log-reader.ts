import type { LogEntry } from './log-entry.js';
import type { LogQuery } from './log-query.js';

export interface LogBatch<Source extends string = string> {
  /** In the order of their times where they come from several logs. */
  entries: LogEntry<Source>[];
  /** How many entries that fit were left out right before these, since there was no room. */
  dropped: number;
  /** Everything that was logged before the call has been given. */
  caughtUp: boolean;
}

export abstract class LogError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** A log that was asked for cannot be read, and why. */
export class LogUnavailableError extends LogError {}

export class TooManyLogReadersError extends LogError {}

/** Reads logs, wherever they are kept. */
export abstract class LogReader<Source extends string = string> {
  /**
   * The newest entries, oldest first, then, when asked to follow, what is logged from there on. Reads
   * only while the next batch is awaited: whoever stops taking them costs nothing, and is told
   * afterwards how many entries passed by. Ends when `signal` aborts; holds nothing from then on.
   * @throws LogError
   */
  abstract read(query: LogQuery<Source>, signal: AbortSignal): AsyncGenerator<LogBatch<Source>>;
}
