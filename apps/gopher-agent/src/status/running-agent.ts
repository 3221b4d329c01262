import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { procLink, procList } from '@gopher/host';
import type { StateDirectory } from '../state/state-directory.js';

/**
 * The agent that works on this directory now, found without touching its lock: who tries a lock to
 * see whether it is held keeps an agent out that starts at that moment. null: none.
 */
export function findRunningAgent({ root }: StateDirectory): number | null {
  const lock = join(root, 'run.lock');
  const pid = readHolder(lock);
  if (pid === null) return null;
  const open = procList(`${pid}/fd`) ?? [];
  return open.some((fd) => procLink(`${pid}/fd/${fd}`) === lock) ? pid : null;
}

function readHolder(lock: string): number | null {
  try {
    const { pid } = JSON.parse(readFileSync(lock, 'utf8')) as { pid?: unknown };
    return typeof pid === 'number' && Number.isSafeInteger(pid) ? pid : null;
  } catch {
    return null;
  }
}
