import { readFile } from 'node:fs/promises';

/** One run of one process: a pid alone is given to another process sooner or later. */
export interface ProcessIdentity {
  pid: number;
  /** In clock ticks since boot, with the boot's id; null where the system does not tell. */
  startedAt: string | null;
}

export async function identify(pid: number): Promise<ProcessIdentity> {
  return { pid, startedAt: await startOf(pid) };
}

export async function isAlive({ pid, startedAt }: ProcessIdentity): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startedAt === null || (await startOf(pid)) === startedAt;
}

async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // The second field, the name, may hold spaces and brackets: count from its last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [fields[0], fields[19]];
    return state === 'Z' ? null : `${bootId.trim()}/${startTicks}`;
  } catch {
    return null;
  }
}
