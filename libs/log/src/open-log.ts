import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { LogUnavailableError } from './log-reader.js';

/** Where the newest part of a log is copied to before it is cut; see rotateLog of the supervisor. */
export const olderLog = (path: string): string => `${path}.1`;

/** null: there is none. @throws LogUnavailableError */
export function statLog(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (cause) {
    throw unavailable(path, cause);
  }
}

/** The caller closes it; null: there is none. @throws LogUnavailableError */
export function openLog(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unavailable(path, cause);
  }
}

/** Hands an open log to `work`; null: there is none. @throws LogUnavailableError */
export function withLog<T>(path: string, work: (descriptor: number) => T): T | null {
  const descriptor = openLog(path);
  if (descriptor === null) return null;
  try {
    return work(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** As many bytes as there are, up to the length of `buffer`. */
export function readInto(descriptor: number, buffer: Buffer, position: number): Buffer {
  const { size } = fstatSync(descriptor);
  const length = Math.min(buffer.length, Math.max(size - position, 0));
  const bytes = length > 0 ? readSync(descriptor, buffer, 0, length, position) : 0;
  return buffer.subarray(0, bytes);
}

function unavailable(path: string, cause: unknown): LogUnavailableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LogUnavailableError(`The log ${path} can not be read: ${reason}`, { cause });
}
