import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { identify, isAlive } from './process-identity.js';

const holderRecord = z.object({
  pid: z.int().positive(),
  startedAt: z.string().nullable(),
  nonce: z.string(),
});
type Holder = z.output<typeof holderRecord>;

/** The death of a process that is not our child raises no event. */
const POLL_MS = 200;

export interface LockOptions {
  signal: AbortSignal;
  /** Called again and again for as long as a living process holds the lock. */
  onWait(holderPid: number): void;
}

/**
 * One holder at a time, across processes. The lock of a dead process is taken over.
 * Two that take over at the same instant may both get it: what it guards must bear that.
 */
export async function withLock<T>(
  path: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const me: Holder = { ...(await identify(process.pid)), nonce: randomUUID() };
  while (!(await tryAcquire(path, me))) {
    options.signal.throwIfAborted();
    const holder = await readHolder(path);
    if (holder === 'gone') continue;
    if (holder !== 'unreadable' && (await isAlive(holder))) {
      options.onWait(holder.pid);
      await delay(POLL_MS, undefined, { signal: options.signal });
    } else {
      await removeStale(path, holder);
    }
  }
  try {
    return await work();
  } finally {
    await release(path, me);
  }
}

/** By link(), so that nobody ever sees a lock without its content. */
async function tryAcquire(path: string, me: Holder): Promise<boolean> {
  const mine = `${path}.${me.nonce}`;
  await writeFile(mine, JSON.stringify(me));
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(mine, { force: true });
  }
}

async function readHolder(path: string): Promise<Holder | 'gone' | 'unreadable'> {
  try {
    const parsed = holderRecord.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success ? parsed.data : 'unreadable';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    if (error instanceof SyntaxError) return 'unreadable';
    throw error;
  }
}

/** Renamed first and read again: between our look and now another may have taken it over. */
async function removeStale(path: string, seen: Holder | 'unreadable'): Promise<void> {
  const aside = `${path}.stale-${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const found = await readHolder(aside);
  const same = typeof found === 'object' && typeof seen === 'object' && found.nonce === seen.nonce;
  if (typeof found === 'object' && !same) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function release(path: string, me: Holder): Promise<void> {
  const holder = await readHolder(path);
  if (typeof holder === 'object' && holder.nonce === me.nonce) await rm(path, { force: true });
}
