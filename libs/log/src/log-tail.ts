import { type FSWatcher, watch } from 'node:fs';
import { LineQueue } from './line-queue.js';
import { LogCursor } from './log-cursor.js';
import { statLog } from './open-log.js';

/** How much of a log that was not read yet is read: some thousand lines of rathole. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

export interface TailListener {
  onLine: (line: string) => void;
  /** After the lines of one look. */
  onRead?: () => void;
  /** More was written than is read: lines before the next one were left out. */
  onSkip?: () => void;
}

/** Tells each line of a log, for as long as the process runs. For all that comes and goes: LogReader. */
export class LogTail {
  private watcher: FSWatcher | null = null;
  private watched = 0;
  private cursor: LogCursor | null = null;
  private lines = new LineQueue();
  /** A line of which the beginning was not read comes first. */
  private isTorn = false;

  constructor(
    private readonly path: string,
    private readonly listener: TailListener,
  ) {}

  /** Reads what is new. Cheap when there is nothing; called by itself when the log is written. */
  read(): void {
    try {
      this.cursor ??= new LogCursor(this.path, { isOlder: false, offset: 0 });
      this.watchAgain();
      this.readFrom(this.cursor);
    } catch {
      // It can not be read now; the next look may find that it can.
      this.close();
    }
  }

  close(): void {
    this.watcher?.close();
    this.watcher = null;
    this.watched = 0;
  }

  private readFrom(cursor: LogCursor): void {
    let ahead = cursor.pending();
    if (ahead === 0) return;
    if (ahead > MAX_BACKLOG_BYTES) {
      cursor.skip(ahead - MAX_BACKLOG_BYTES);
      ahead = MAX_BACKLOG_BYTES;
      this.lines = new LineQueue();
      this.isTorn = true;
      this.listener.onSkip?.();
    }
    while (ahead > 0) {
      const chunk = cursor.read(ahead);
      if (!chunk) break;
      if (chunk.isNewLog) this.beginLines();
      ahead -= chunk.bytes.length;
      this.lines.add(chunk.bytes);
      for (let line = this.lines.next(); line; line = this.lines.next()) {
        if (!this.isTorn) this.listener.onLine(line.text);
        this.isTorn = false;
      }
    }
    this.listener.onRead?.();
  }

  private beginLines(): void {
    this.lines = new LineQueue();
    this.isTorn = false;
  }

  private watchAgain(): void {
    const inode = statLog(this.path)?.ino ?? 0;
    if (this.watcher && inode === this.watched) return;
    this.close();
    if (inode === 0) return;
    try {
      this.watcher = watch(this.path, { persistent: false }, () => this.read());
      this.watcher.on('error', () => this.close());
      this.watched = inode;
    } catch {
      // The kernel has no more of them to give. Read at the next look instead.
    }
  }
}
