import { type FileHandle, open, stat, truncate } from 'node:fs/promises';

const CHUNK_BYTES = 64 * 1024;
const TAIL_BYTES = 8 * 1024;

/** 0 when there is none. */
export async function fileSize(path: string): Promise<number> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  return size;
}

/**
 * Copies the newest `maxBytes` to `<path>.1` and empties the log once it is larger than that. The
 * process holds the file open for appending, so a rename would take the log with it; what it
 * writes during the copy is lost.
 */
export async function rotateLog(path: string, maxBytes: number): Promise<void> {
  const size = await fileSize(path);
  if (size <= maxBytes) return;
  try {
    await copyNewest(path, `${path}.1`, size - maxBytes, size);
  } finally {
    // Even when there was no room for the copy: a log must never fill the disk.
    await truncate(path);
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

async function copyNewest(from: string, to: string, start: number, end: number): Promise<void> {
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'w', 0o640);
    try {
      await copyRange(source, target, start, end);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
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
