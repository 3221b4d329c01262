import { type FSWatcher, watch } from 'node:fs';
import { LineQueue } from './line-queue.js';
import { LogCursor } from './log-cursor.js';
import { statLog } from './open-log.js';

/** How much of a log that is there already is read: some thousand lines of rathole. */
const MAX_BACKLOG_BYTES = 1024 * 1024;
/** How much of what was written since, and how long it is left alone after as much. */
const MAX_NEWS_BYTES = 64 * 1024;
const REST_MS = 250;

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
  private rest: NodeJS.Timeout | null = null;
  private most = MAX_BACKLOG_BYTES;
  private readBytes = 0;

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
    if (this.rest) clearTimeout(this.rest);
    this.rest = null;
  }

  /** A flood is not to keep the process from everything else. */
  private readSoon(): void {
    if (this.rest) return;
    const before = this.readBytes;
    this.read();
    if (this.readBytes - before < MAX_NEWS_BYTES) return;
    this.rest = setTimeout(() => {
      this.rest = null;
      this.readSoon();
    }, REST_MS);
    this.rest.unref();
  }

  private readFrom(cursor: LogCursor): void {
    const { most } = this;
    let ahead = cursor.pending();
    this.most = MAX_NEWS_BYTES;
    if (ahead === 0) return;
    this.readBytes += ahead;
    if (ahead > most) {
      cursor.skip(ahead - most);
      ahead = most;
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
      this.watcher = watch(this.path, { persistent: false }, () => this.readSoon());
      this.watcher.on('error', () => this.close());
      this.watched = inode;
    } catch {
      // The kernel has no more of them to give. Read at the next look instead.
    }
  }
}
