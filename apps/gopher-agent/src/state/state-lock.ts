import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { StateInUseError } from '../agent.errors.js';
import { bootId, procStat } from '../host/proc.js';
import { toStorageError } from './atomic-file.js';

const holder = z.object({ pid: z.int().positive(), startTicks: z.string(), bootId: z.string() });
export type LockHolder = z.output<typeof holder>;

/** At most one process at a time works on a state directory. */
export class StateLock {
  private constructor(private readonly path: string) {}

  /** @throws StateInUseError that names the holder; StorageError */
  static async acquire(path: string): Promise<StateLock> {
    const me = { pid: process.pid, startTicks: startTicksOf(process.pid), bootId: bootId() };
    const beside = `${path}.${randomBytes(6).toString('hex')}`;
    try {
      await writeFile(beside, JSON.stringify(me), { mode: 0o600 });
      for (let attempt = 0; attempt < 3; attempt++) {
        if (await tryLink(beside, path)) return new StateLock(path);
        const other = await StateLock.holderOf(path);
        if (other) throw new StateInUseError(inUse(path, other));
        await removeStale(path, `${beside}.stale`);
      }
      throw new StateInUseError(`${path} is being taken by another process: try again`);
    } catch (error) {
      throw error instanceof StateInUseError ? error : toStorageError(`Cannot lock ${path}`, error);
    } finally {
      await rm(beside, { force: true });
    }
  }

  /** Who holds the lock now; null when nobody who is alive does. */
  static async holderOf(path: string): Promise<LockHolder | null> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch {
      return null;
    }
    const parsed = holder.safeParse(parseJson(text));
    return parsed.success && isAlive(parsed.data) ? parsed.data : null;
  }

  async release(): Promise<void> {
    const other = await StateLock.holderOf(this.path);
    if (other?.pid === process.pid) await rm(this.path, { force: true });
  }
}

/** Unlike an exclusive create, a link is never seen before it has its content. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Its holder is gone: a killed process can not tidy up. Two may come to this at once, so it is
 * first moved aside and looked at again, lest the fresh lock of the faster one is thrown away.
 */
async function removeStale(path: string, aside: string): Promise<void> {
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (await StateLock.holderOf(aside)) await tryLink(aside, path);
  await rm(aside, { force: true });
}

function isAlive(recorded: LockHolder): boolean {
  const stat = procStat(recorded.pid);
  if (!stat || stat.state === 'Z' || recorded.bootId !== bootId()) return false;
  return stat.startTicks === recorded.startTicks;
}

function inUse(path: string, { pid }: LockHolder): string {
  return `Another gopher-agent (process ${pid}) works on this state directory. Stop it first: kill ${pid}. Its lock is ${path}`;
}

const startTicksOf = (pid: number) => procStat(pid)?.startTicks ?? '';

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
