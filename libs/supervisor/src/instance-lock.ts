import { link, mkdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, readBootId, readStat } from './proc.js';
import { SupervisorError } from './process.errors.js';

interface Holder {
  pid: number;
  startTicks: number;
  bootId: string;
  since: string;
}

export class InstanceLockedError extends SupervisorError {
  readonly code = 'instance-locked';

  constructor(
    readonly directory: string,
    readonly pid: number,
    since: string,
  ) {
    super(`${directory} is in use by process ${pid} since ${since}`);
  }
}

/**
 * One process at a time for one directory. The lock of a process that died, or of another boot, is
 * taken over.
 */
export class InstanceLock {
  private constructor(private readonly file: string) {}

  /** @throws InstanceLockedError saying who holds it. */
  static async acquire(directory: string): Promise<InstanceLock> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = join(directory, 'instance.lock');
    const beside = `${file}.${process.pid}`;
    await writeFile(beside, JSON.stringify(await ourselves()), { mode: 0o600 });
    try {
      // link() fails when the name exists, and what it makes is complete from the first moment.
      while (!(await linked(beside, file))) await removeStale(directory, file);
    } finally {
      await rm(beside, { force: true });
    }
    return new InstanceLock(file);
  }

  async release(): Promise<void> {
    await rm(this.file, { force: true });
  }
}

async function ourselves(): Promise<Holder> {
  const stat = readStat(process.pid);
  return {
    pid: process.pid,
    startTicks: stat?.startTicks ?? 0,
    bootId: await readBootId(),
    since: new Date().toISOString(),
  };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Two who find the same stale lock at once must not remove each other's fresh one: whoever moves it
 * away looks again at what was moved.
 */
async function removeStale(directory: string, file: string): Promise<void> {
  await refuseWhileHeld(directory, file);
  const aside = `${file}.${process.pid}.stale`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    await refuseWhileHeld(directory, aside);
  } catch (error) {
    await linked(aside, file);
    throw error;
  } finally {
    await unlink(aside);
  }
}

async function refuseWhileHeld(directory: string, file: string): Promise<void> {
  const holder = await readHolder(file);
  if (!holder || holder.bootId !== (await readBootId()) || !isAlive(holder)) return;
  throw new InstanceLockedError(directory, holder.pid, holder.since);
}

async function readHolder(file: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder;
  } catch {
    return null;
  }
}
