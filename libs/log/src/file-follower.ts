import { setImmediate as breath } from 'node:timers/promises';
import type { LogFollower } from './follow-logs.js';
import { LineQueue, type RawLine } from './line-queue.js';
import { LogCursor, type LogPlace } from './log-cursor.js';
import type { LogEntry } from './log-entry.js';
import type { LogLines } from './log-lines.js';
import { NewestEntries } from './newest-entries.js';
import { untilLogChanges } from './until-log-changes.js';

/** Of what was written meanwhile so much is read as text; lines before it are only counted. */
const READ_BYTES = 128 * 1024;

/** Reads on in one log file: entry by entry, or the newest of all that there is. */
export class FileFollower<Source extends string> implements LogFollower<Source> {
  private readonly cursor: LogCursor;
  private readonly queue = new LineQueue();

  constructor(
    private readonly path: string,
    private readonly lines: LogLines<Source>,
    place: LogPlace,
  ) {
    this.cursor = new LogCursor(path, place);
  }

  /** null: there is none now. @param takesOpen a last line that nothing ends is one */
  async next(takesOpen: boolean, signal: AbortSignal): Promise<LogEntry<Source> | null> {
    while (!signal.aborted) {
      for (let line = this.queue.next(); line; line = this.queue.next()) {
        const entry = this.lines.entry(line);
        if (entry) return entry;
      }
      await breath();
      const chunk = this.cursor.read();
      if (chunk && !chunk.isNewLog) {
        this.queue.add(chunk.bytes);
        continue;
      }
      const torn = chunk || takesOpen ? this.queue.flush() : null;
      if (chunk) this.queue.add(chunk.bytes);
      const entry = torn && this.lines.entry(torn);
      if (entry || !chunk) return entry;
    }
    return null;
  }

  async take(signal: AbortSignal): Promise<{ entries: LogEntry<Source>[]; dropped: number }> {
    const newest = new NewestEntries<Source>();
    this.takeLines(newest);
    for (let ahead = this.cursor.pending(); ahead > 0 && !signal.aborted;) {
      const chunk = this.cursor.read(ahead);
      if (!chunk) break;
      if (chunk.isNewLog) this.takeLine(this.queue.flush(), newest);
      ahead -= chunk.bytes.length;
      this.queue.add(chunk.bytes);
      if (ahead > READ_BYTES && this.lines.filter.takesAll) newest.drop(this.queue.drop());
      else this.takeLines(newest);
      await breath();
    }
    if (this.cursor.takeLoss()) newest.add(this.lossNotice());
    return newest.take();
  }

  untilMore(signal: AbortSignal): Promise<void> {
    return untilLogChanges(this.path, () => this.cursor.pending() > 0, signal);
  }

  private takeLines(newest: NewestEntries<Source>): void {
    for (let line = this.queue.next(); line; line = this.queue.next()) this.takeLine(line, newest);
  }

  private takeLine(line: RawLine | null, newest: NewestEntries<Source>): void {
    const entry = line && this.lines.entry(line);
    if (entry) newest.add(entry);
  }

  private lossNotice(): LogEntry<Source> {
    const text = 'Part of this log was rotated away before it was read; how much is not known';
    return { at: null, source: this.lines.source, level: 'warn', text, cut: false };
  }
}
