import type { LogFollower } from './follow-logs.js';
import type { JournalLines, RunningCommand } from './journal-log-reader.js';
import { LineQueue } from './line-queue.js';
import type { LogEntry } from './log-entry.js';
import { LogUnavailableError } from './log-reader.js';
import { NewestEntries } from './newest-entries.js';

/** Of a journal that is written faster than it is read. */
const MAX_BYTES_AT_ONCE = 4 * 1024 * 1024;
/** When nothing more came for so long, there is nothing. */
const QUIET_MS = 10;

/** What journalctl tells from now on. While nobody takes it, it waits: its output is not read. */
export class JournalFollower<Source extends string> implements LogFollower<Source> {
  private readonly queue = new LineQueue();

  constructor(
    private readonly command: RunningCommand,
    private readonly lines: JournalLines<Source>,
  ) {}

  async take(signal: AbortSignal): Promise<{ entries: LogEntry<Source>[]; dropped: number }> {
    const newest = new NewestEntries<Source>();
    const { output } = this.command;
    for (let bytes = 0; bytes < MAX_BYTES_AT_ONCE && !signal.aborted;) {
      const chunk = output.read() as Buffer | null;
      if (chunk) this.takeLines(chunk, newest);
      else if (!(await this.isTold(QUIET_MS, signal))) break;
      bytes += chunk?.length ?? 0;
    }
    return newest.take();
  }

  async untilMore(signal: AbortSignal): Promise<void> {
    const { output, ended } = this.command;
    if (signal.aborted || output.readableLength > 0) return;
    if (output.readableEnded || output.destroyed) {
      throw new LogUnavailableError(`journalctl ended ${await ended}`);
    }
    await this.isTold(Infinity, signal);
  }

  /** Resolves with whether there may be more to read. */
  private async isTold(withinMs: number, signal: AbortSignal): Promise<boolean> {
    const { output } = this.command;
    const told = Promise.withResolvers<boolean>();
    const more = () => told.resolve(true);
    const enough = () => told.resolve(false);
    if (signal.aborted || output.readableEnded || output.destroyed) enough();
    output.once('readable', more).once('end', enough).once('close', enough);
    signal.addEventListener('abort', enough, { once: true });
    const timer = withinMs === Infinity ? undefined : setTimeout(enough, withinMs);
    try {
      return await told.promise;
    } finally {
      clearTimeout(timer);
      output.off('readable', more).off('end', enough).off('close', enough);
      signal.removeEventListener('abort', enough);
    }
  }

  private takeLines(chunk: Buffer, newest: NewestEntries<Source>): void {
    this.queue.add(chunk);
    for (let line = this.queue.next(); line; line = this.queue.next()) {
      const found = this.lines.parse(line.text);
      const entry = found && this.lines.entry(found);
      if (entry) newest.add(entry);
    }
  }
}
