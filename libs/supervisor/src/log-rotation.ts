import { ftruncateSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

const CHUNK_BYTES = 64 * 1024;
/** Of what is written while the rest is copied. */
const MAX_CATCH_UP_BYTES = 4 * 1024 * 1024;
const TAIL_BYTES = 8 * 1024;

/** 0 when there is none. */
export async function fileSize(path: string): Promise<number> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  return size;
}

/**
 * Copies about the newest `maxBytes`, whole lines, to `<path>.1` and empties the log once it is larger
 * than that. The process holds the file open for appending, so a rename would take the log with it.
 * What it writes between the last look and the cut is lost: microseconds of it.
 */
export async function rotateLog(path: string, maxBytes: number): Promise<void> {
  const size = await fileSize(path);
  if (size <= maxBytes) return;
  const source = await open(path, 'r+');
  try {
    await copyAndEmpty(source, `${path}.1`, size - maxBytes);
  } catch (error) {
    // There was no room for the copy: a log must never fill the disk.
    await source.truncate();
    throw error;
  } finally {
    await source.close();
  }
}

/** The last lines that were written from byte `from` on; at most 8 KiB. */
export async function readLogTail(path: string, from: number, lines = 10): Promise<string> {
  const size = await fileSize(path);
  const start = Math.max(from, size - TAIL_BYTES);
  if (start >= size) return '';
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), { position: start });
    return buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n').slice(-lines).join('\n');
  } finally {
    await file.close();
  }
}

async function copyAndEmpty(source: FileHandle, to: string, from: number): Promise<void> {
  const target = await open(to, 'w', 0o640);
  try {
    const { size } = await source.stat();
    await copyRange(source, target, await lineAfter(source, from), size);
    emptyAfter(source.fd, target.fd, size);
  } finally {
    await target.close();
  }
}

/** Where the next line begins; `from` when none does soon. */
async function lineAfter(source: FileHandle, from: number): Promise<number> {
  const { buffer, bytesRead } = await source.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, from);
  const end = buffer.subarray(0, bytesRead).indexOf('\n');
  return end < 0 ? from : from + end + 1;
}

/** At once, so that as little as possible is written meanwhile. */
function emptyAfter(source: number, target: number, from: number): void {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const last = from + MAX_CATCH_UP_BYTES;
  for (let position = from; position < last;) {
    const bytes = readSync(source, buffer, 0, CHUNK_BYTES, position);
    if (bytes === 0) break;
    writeSync(target, buffer, 0, bytes);
    position += bytes;
  }
  ftruncateSync(source);
}

async function copyRange(
  source: FileHandle,
  target: FileHandle,
  start: number,
  end: number,
): Promise<void> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (let position = start; position < end;) {
    const length = Math.min(CHUNK_BYTES, end - position);
    const { bytesRead } = await source.read(buffer, 0, length, position);
    if (bytesRead === 0) return;
    await target.writeFile(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}
