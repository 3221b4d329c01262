import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { childrenOf, memoryOf } from '../../../bench/support/proc.js';

/** What a process has at one moment, by name; memory in MB, everything else counted. */
export type Reading = Record<string, number>;

export function readProcess(pid: number): Reading {
  const { residentMb, anonymousMb } = memoryOf(pid);
  return {
    'resident MB': residentMb,
    'anonymous MB': anonymousMb,
    threads: readdirSync(`/proc/${pid}/task`).length,
    children: childrenOf(pid),
    ...handlesOf(pid),
  };
}

function handlesOf(pid: number): Reading {
  const reading: Reading = { 'inotify watches': 0 };
  for (const kind of ['socket', 'pipe', 'inotify', 'event', 'file']) reading[`${kind} handles`] = 0;
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(pid, fd);
    if (kind === null) continue;
    reading[`${kind} handles`]! += 1;
    if (kind === 'inotify') reading['inotify watches']! += watchesOf(pid, fd);
  }
  return reading;
}

/** null: it was closed meanwhile. */
function kindOf(pid: number, fd: string): string | null {
  const link = unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
  if (link === null) return null;
  if (link.startsWith('/')) return 'file';
  const name = /^(?:anon_inode:)?\[?(\w+)/.exec(link)?.[1] ?? '';
  return ['socket', 'pipe', 'inotify'].includes(name) ? name : 'event';
}

const watchesOf = (pid: number, fd: string): number =>
  unlessGone(
    () => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').match(/^inotify /gm)?.length,
  ) ?? 0;

function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code!)) return null;
    throw error;
  }
}
