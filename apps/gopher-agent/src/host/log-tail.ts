import { closeSync, type FSWatcher, fstatSync, openSync, readSync, statSync, watch } from 'node:fs';

const CHUNK_BYTES = 64 * 1024;
/** How much of a log that is there already is read: some thousand lines of rathole. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

/** Follows a log that others write, and that may be cut or replaced at any time. */
export class LogTail {
  private watcher: FSWatcher | null = null;
  private inode = 0;
  private offset = 0;
  private rest = '';

  constructor(
    private readonly path: string,
    private readonly onLine: (line: string) => void,
    private readonly onRead: () => void = () => {},
  ) {}

  /** Reads what is new. Cheap when there is nothing; called by itself when the log is written. */
  read(): void {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    if (stat && stat.ino === this.inode && stat.size === this.offset && this.watcher) return;
    let descriptor: number;
    try {
      descriptor = openSync(this.path, 'r');
    } catch {
      return this.stopWatching();
    }
    try {
      this.readFrom(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  close(): void {
    this.stopWatching();
  }

  private readFrom(descriptor: number): void {
    const { ino, size } = fstatSync(descriptor);
    if (ino !== this.inode || size < this.offset) this.begin(ino, size);
    if (!this.watcher) this.watchAgain();
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(size - this.offset, 0)));
    let changed = false;
    while (this.offset < size) {
      const length = Math.min(buffer.length, size - this.offset);
      const bytes = readSync(descriptor, buffer, 0, length, this.offset);
      if (bytes === 0) break;
      this.offset += bytes;
      this.take(buffer.toString('utf8', 0, bytes));
      changed = true;
    }
    if (changed) this.onRead();
  }

  private begin(inode: number, size: number): void {
    if (inode !== this.inode) this.stopWatching();
    this.inode = inode;
    this.offset = Math.max(size - MAX_BACKLOG_BYTES, 0);
    this.rest = '';
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = (lines.pop() ?? '').slice(0, CHUNK_BYTES);
    for (const line of lines) this.onLine(line);
  }

  private watchAgain(): void {
    try {
      this.watcher = watch(this.path, { persistent: false }, () => this.read());
      this.watcher.on('error', () => this.stopWatching());
    } catch {
      // Read at the next look instead.
      this.watcher = null;
    }
  }

  private stopWatching(): void {
    this.watcher?.close();
    this.watcher = null;
  }
}
