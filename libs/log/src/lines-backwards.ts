import { closeSync, fstatSync, readSync } from 'node:fs';
import type { LogPlace } from './log-cursor.js';
import { olderLog, openLog } from './open-log.js';

const CHUNK_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 64 * 1024;
const LINE_END = 10;

export interface PlacedLine {
  text: string;
  /** Where it begins. */
  place: LogPlace;
  /** How many bytes were looked at to find it. */
  bytes: number;
  /** Nothing ends it: it may yet go on. */
  isOpen: boolean;
}

/** The lines of a log and of the older one beside it, newest first. Empty lines are none. */
export function* linesBackwards(path: string): Generator<PlacedLine> {
  // Both before anything is read: a rotation would have the same lines in the other one.
  const opened = [path, olderLog(path)].map((file) => openLog(file));
  try {
    for (const [index, fd] of opened.entries()) {
      if (fd !== null) yield* linesOf(fd, index > 0);
    }
  } finally {
    for (const fd of opened) if (fd !== null) closeSync(fd);
  }
}

function* linesOf(fd: number, isOlder: boolean): Generator<PlacedLine> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const { size } = fstatSync(fd);
  /** Where the line that is being looked for ends. */
  let end = size;
  for (let to = size; to > 0;) {
    const from = Math.max(to - CHUNK_BYTES, 0);
    const chunk = buffer.subarray(0, readSync(fd, buffer, 0, to - from, from));
    if (chunk.length < to - from) return; // it was cut meanwhile
    for (const start of lineStarts(chunk, from)) {
      if (start < end) {
        const text = lineText(fd, chunk, { start, end, from });
        const place = { isOlder, offset: start };
        yield { text, place, bytes: end - start + 1, isOpen: end === size };
      }
      end = start - 1;
    }
    to = from;
  }
}

/** Where lines begin in a chunk that begins at `from`, from its end to its beginning. */
function* lineStarts(chunk: Buffer, from: number): Generator<number> {
  for (let at = chunk.length; at > 0;) {
    at = chunk.lastIndexOf(LINE_END, at - 1);
    if (at < 0) break;
    yield from + at + 1;
  }
  if (from === 0) yield 0;
}

function lineText(
  fd: number,
  chunk: Buffer,
  { start, end, from }: { start: number; end: number; from: number },
): string {
  const length = Math.min(end - start, MAX_LINE_BYTES);
  if (end <= from + chunk.length) {
    return chunk.toString('utf8', start - from, start - from + length);
  }
  const line = Buffer.allocUnsafe(length);
  return line.toString('utf8', 0, readSync(fd, line, 0, length, start));
}
