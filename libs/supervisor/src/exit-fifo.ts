import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

/** The descriptor under which every process we start holds the write end of its FIFO. */
export const EXIT_FD = 3;

const MKFIFO_TIMEOUT_MS = 5_000;
const run = promisify(execFile);

/**
 * A new FIFO for every start: a grandchild that outlives its parent would otherwise hold the old
 * one open and hide the next death.
 */
export async function makeExitFifo(path: string): Promise<void> {
  await rm(path, { force: true });
  await run('mkfifo', ['-m', '600', '--', path], { timeout: MKFIFO_TIMEOUT_MS });
}

/** @returns the write end, which the caller closes once the child has inherited it. */
export function openWriteEnd(path: string): number {
  // A write end can not be opened as long as nobody reads.
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } finally {
    closeSync(reader);
  }
}

/** False too where it can not be known: then there is polling. */
export async function holdsExitFifo(pid: number, path: string): Promise<boolean> {
  try {
    const [held, ours] = await Promise.all([stat(`/proc/${pid}/fd/${EXIT_FD}`), stat(path)]);
    return ours.isFIFO() && held.dev === ours.dev && held.ino === ours.ino;
  } catch {
    return false;
  }
}
