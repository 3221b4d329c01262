import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { environmentOf } from './command.js';
import { SupervisorError } from './process.errors.js';

const CONFLICT = 75;
const FD_IN_CHILD = 3;

export interface LockHolder {
  pid: number;
  since: string;
}

export class InstanceLockedError extends SupervisorError {
  readonly code = 'instance-locked';

  constructor(
    readonly directory: string,
    /** null: not known. */
    readonly holder: LockHolder | null,
  ) {
    const who = holder ? `process ${holder.pid} since ${holder.since}` : 'another process';
    super(`${directory} is in use by ${who}`);
  }
}

/**
 * One process at a time for one directory. The kernel holds the lock and gives it up when the
 * process ends, however it ends: there is no stale lock to judge.
 */
export class InstanceLock {
  /** A plain descriptor: a FileHandle would be closed, and the lock lost, by garbage collection. */
  private constructor(private readonly fd: number) {}

  /**
   * @param name there may be several locks in one directory
   * @throws InstanceLockedError saying who holds it
   */
  static async acquire(directory: string, name = 'instance'): Promise<InstanceLock> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = pathOf(directory, name);
    const fd = openSync(path, 'a+', 0o600);
    try {
      if (!(await lock(fd))) throw new InstanceLockedError(directory, readHolder(path));
      ftruncateSync(fd);
      const holder: LockHolder = { pid: process.pid, since: new Date().toISOString() };
      writeSync(fd, JSON.stringify(holder));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new InstanceLock(fd);
  }

  /** Who holds it now; null: nobody. */
  static async holder(directory: string, name = 'instance'): Promise<LockHolder | null> {
    const path = pathOf(directory, name);
    if (!existsSync(path)) return null;
    const fd = openSync(path, 'r');
    try {
      return (await lock(fd)) ? null : readHolder(path);
    } finally {
      closeSync(fd);
    }
  }

  release(): void {
    ftruncateSync(this.fd);
    closeSync(this.fd);
  }
}

const pathOf = (directory: string, name: string): string => join(directory, `${name}.lock`);

/** null: it was just taken, and its holder has not written yet. */
function readHolder(path: string): LockHolder | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LockHolder;
  } catch {
    return null;
  }
}

/**
 * Node has no flock(2), util-linux has: the lock belongs to the open file, which we share with the
 * child and keep when it is gone. Resolves with whether we have it now.
 */
async function lock(fd: number): Promise<boolean> {
  const env = environmentOf({ name: '', file: '', args: [] });
  const args = ['--nonblock', '--conflict-exit-code', String(CONFLICT), String(FD_IN_CHILD)];
  const child = spawn('flock', args, { env, stdio: ['ignore', 'ignore', 'ignore', fd] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code === 0) return true;
  if (code === CONFLICT) return false;
  throw new Error(`flock ended with ${code}; it is a part of util-linux`);
}
