import type { Stats } from 'node:fs';
import { olderLog, readInto, statLog, withLog } from './open-log.js';

const CHUNK_BYTES = 32 * 1024;
/** By so many bytes before it a place is found again. */
const MARK_BYTES = 256;
/** For so long after a rotation it is not trusted that it is over: the clock of files is coarse. */
const SETTLED_MS = 2_000;

/** Where a line begins: in the log, or in the older one beside it. */
export interface LogPlace {
  isOlder: boolean;
  offset: number;
}

export interface LogChunk {
  /** Good until the next read. */
  bytes: Buffer;
  /** What was read before does not go on here. */
  isNewLog: boolean;
}

/**
 * A place in a log that others write, and that may be cut, replaced, or copied to `.1` and emptied at
 * any time. Reads on from it with nothing lost or doubled, as long as what follows it is still there.
 * Holds no descriptor between two reads.
 */
export class LogCursor {
  private readonly buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  private isOlder: boolean;
  private offset: number;
  private inode: number;
  /** What stands right before the place. */
  private mark: Buffer;
  private olderKey: string;
  private isNewLog = false;
  private lost = false;

  constructor(
    private readonly path: string,
    place: LogPlace,
  ) {
    this.isOlder = place.isOlder;
    this.offset = place.offset;
    this.inode = statLog(this.file)?.ino ?? 0;
    this.olderKey = keyOf(statLog(olderLog(path)));
    this.mark = this.readBack(this.file, this.offset);
  }

  /** Bytes that can be read now. */
  pending(): number {
    this.locate();
    const ahead = Math.max((statLog(this.file)?.size ?? 0) - this.offset, 0);
    return this.isOlder ? ahead + (statLog(this.path)?.size ?? 0) : ahead;
  }

  /** null: there is nothing new. */
  read(most = CHUNK_BYTES): LogChunk | null {
    this.locate();
    const room = this.buffer.subarray(0, Math.min(most, CHUNK_BYTES));
    const bytes = withLog(this.file, (fd) => readInto(fd, room, this.offset));
    if (bytes && bytes.length > 0) return this.advance(bytes);
    if (!this.isOlder) return null;
    this.beginCurrent();
    return this.read(most);
  }

  /** Goes on so many bytes further, without reading them. */
  skip(bytes: number): void {
    const ahead = Math.max((statLog(this.file)?.size ?? 0) - this.offset, 0);
    if (this.isOlder && bytes > ahead) {
      this.beginCurrent();
      return this.skip(bytes - ahead);
    }
    this.offset += Math.min(bytes, ahead);
    this.mark = this.readBack(this.file, this.offset);
  }

  /** Whether something was cut away unread since this was asked. */
  takeLoss(): boolean {
    const { lost } = this;
    this.lost = false;
    return lost;
  }

  private get file(): string {
    return this.isOlder ? olderLog(this.path) : this.path;
  }

  private advance(bytes: Buffer): LogChunk {
    const { isNewLog } = this;
    this.isNewLog = false;
    this.offset += bytes.length;
    const seen = bytes.length < MARK_BYTES ? Buffer.concat([this.mark, bytes]) : bytes;
    this.mark = Buffer.from(seen.subarray(-MARK_BYTES));
    return { bytes, isNewLog };
  }

  private beginCurrent(): void {
    this.begin(false, 0, statLog(this.path)?.ino ?? 0);
    this.isNewLog = true;
  }

  private begin(isOlder: boolean, offset: number, inode: number): void {
    this.isOlder = isOlder;
    this.offset = offset;
    this.inode = inode;
    if (offset === 0) this.mark = Buffer.alloc(0);
  }

  /** Finds the place again after the log was cut, replaced or copied. */
  private locate(): void {
    const current = statLog(this.path);
    const older = statLog(olderLog(this.path));
    const key = keyOf(older);
    const wasRotated = key !== this.olderKey;
    if (this.isOlder && !wasRotated) return;
    const isSettled = !wasRotated && (!older || Date.now() - older.mtimeMs > SETTLED_MS);
    const seemsSame = current?.ino === this.inode && current.size >= this.offset;
    if (seemsSame && isSettled) return;
    this.olderKey = key;
    if (!this.isOlder && seemsSame && this.isStillHere(wasRotated)) return;
    if (!current && !older) return;
    this.moveOn(current, older, wasRotated);
  }

  private moveOn(current: Stats | null, older: Stats | null, wasRotated: boolean): void {
    const found = older ? this.findInOlder(older) : null;
    if (found !== null) return this.begin(true, found, older!.ino);
    const hadNothing = this.mark.length === 0 && !this.isOlder;
    if (wasRotated && hadNothing && this.inode !== 0) return this.begin(true, 0, older?.ino ?? 0);
    if (wasRotated && !hadNothing) this.lost = true;
    this.begin(false, 0, current?.ino ?? 0);
    this.isNewLog = true;
  }

  /** The log has the same number and is long enough; it may yet have been emptied and written anew. */
  private isStillHere(wasRotated: boolean): boolean {
    if (this.mark.length > 0) return this.mark.equals(this.readBack(this.path, this.offset));
    // Nothing was read of it yet. While it is being copied it begins as its copy does.
    if (!wasRotated) return true;
    const head = this.readBack(this.path, MARK_BYTES);
    return head.length > 0 && head.equals(this.readBack(olderLog(this.path), head.length));
  }

  private findInOlder(older: Stats): number | null {
    const { mark, offset } = this;
    const path = olderLog(this.path);
    if (mark.length === 0) return older.ino === this.inode && this.inode !== 0 ? 0 : null;
    if (offset <= older.size && mark.equals(this.readBack(path, offset))) return offset;
    return withLog(path, (fd) => lastPlaceAfter(fd, mark, older.size));
  }

  /** At most MARK_BYTES before `offset`. */
  private readBack(path: string, offset: number): Buffer {
    const length = Math.min(offset, MARK_BYTES);
    const bytes = Buffer.alloc(length);
    return withLog(path, (fd) => readInto(fd, bytes, offset - length)) ?? bytes.subarray(0, 0);
  }
}

function lastPlaceAfter(descriptor: number, mark: Buffer, size: number): number | null {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const step = CHUNK_BYTES - mark.length;
  for (let start = size - CHUNK_BYTES; ; start -= step) {
    const from = Math.max(start, 0);
    const found = readInto(descriptor, buffer, from).lastIndexOf(mark);
    if (found >= 0) return from + found + mark.length;
    if (from === 0) return null;
  }
}

function keyOf(stats: Stats | null): string {
  return stats ? `${stats.ino}:${stats.size}:${stats.mtimeMs}` : '';
}
