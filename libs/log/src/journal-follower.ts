import { setImmediate as breath } from 'node:timers/promises';
import type { LogFollower } from './follow-logs.js';
import type { JournalLines, RunningCommand } from './journal-log-reader.js';
import { LineQueue } from './line-queue.js';
import type { LogEntry } from './log-entry.js';
import { LogUnavailableError } from './log-reader.js';
import { NewestEntries } from './newest-entries.js';

/** Of a journal that is written faster than it is read. */
const MAX_BYTES_AT_ONCE = 4 * 1024 * 1024;
/** How often nothing more came before it is taken that there is nothing. */
const BREATHS = 3;

/** What journalctl tells from now on. While nobody takes it, it waits: its output is not read. */
export class JournalFollower<Source extends string> implements LogFollower<Source> {
  private readonly queue = new LineQueue();
  private how: string | null = null;

  constructor(
    private readonly command: RunningCommand,
    private readonly lines: JournalLines<Source>,
  ) {
    void command.ended.then((how) => (this.how = how));
  }

  async take(signal: AbortSignal): Promise<{ entries: LogEntry<Source>[]; dropped: number }> {
    const newest = new NewestEntries<Source>();
    let bytes = 0;
    for (let silences = 0; silences < BREATHS && !signal.aborted;) {
      const chunk =
        bytes < MAX_BYTES_AT_ONCE ? (this.command.output.read() as Buffer | null) : null;
      silences = chunk ? 0 : silences + 1;
      if (chunk) this.takeLines(chunk, newest);
      bytes += chunk?.length ?? 0;
      await breath();
    }
    return newest.take();
  }

  async untilMore(signal: AbortSignal): Promise<void> {
    const { output, ended } = this.command;
    if (signal.aborted || output.readableLength > 0) return;
    if (this.how !== null) throw new LogUnavailableError(`journalctl ended ${this.how}`);
    const more = Promise.withResolvers<void>();
    const done = () => more.resolve();
    output.once('readable', done);
    signal.addEventListener('abort', done, { once: true });
    try {
      await Promise.race([more.promise, ended]);
    } finally {
      output.off('readable', done);
      signal.removeEventListener('abort', done);
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
