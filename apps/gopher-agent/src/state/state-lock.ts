import { InstanceLock, InstanceLockedError, type LockHolder } from '@gopher/supervisor';
import { StateInUseError } from '../agent.errors.js';
import { toStorageError } from './atomic-file.js';
import type { StateDirectory } from './state-directory.js';

/** What only one process at a time may do with a state directory. */
export type LockPurpose = 'run' | 'enrol';

/** @throws StateInUseError that names the holder; StorageError */
export async function lockState(
  { root }: StateDirectory,
  purpose: LockPurpose,
): Promise<InstanceLock> {
  try {
    return await InstanceLock.acquire(root, purpose);
  } catch (error) {
    if (!(error instanceof InstanceLockedError)) throw toStorageError(`Cannot lock ${root}`, error);
    throw new StateInUseError(inUse(root, error.holder), { cause: error });
  }
}

/** Who does it now; null: nobody. */
export const lockHolder = (
  { root }: StateDirectory,
  purpose: LockPurpose,
): Promise<LockHolder | null> => InstanceLock.holder(root, purpose);

function inUse(root: string, holder: LockHolder | null): string {
  const who = holder ? `process ${holder.pid}` : 'a process that has just begun';
  const how = holder ? `: kill ${holder.pid}` : '';
  return `Another gopher-agent (${who}) works on ${root}. Stop it first${how}`;
}
