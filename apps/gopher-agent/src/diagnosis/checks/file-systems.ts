import { stat, statfs } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Check, checkDisk, checkInodes, type FileSystem, skipped } from '@gopher/diagnosis';
import { readProc, realMounts } from '@gopher/host';
import type { Examination } from '../examination.js';

const MAX_OTHERS = 16;
/** One that hangs must not keep the others from being told. */
const STATFS_MS = 1_500;
const KEEPS = 'what the agent needs, its next configuration included,';

export const fileSystems: Examination = {
  ids: ['disk', 'inodes'],
  examine: async ({ stateDir }) => {
    const others = realMounts(readProc('self/mounts') ?? '').slice(0, MAX_OTHERS);
    const own = await mountOf(stateDir, others);
    const looks = [
      check(own, KEEPS),
      ...others.filter((mount) => mount !== own).map((mount) => check(mount, null)),
    ];
    return (await Promise.all(looks)).flat();
  },
};

/** That one of them; the directory itself, when it lies in none. */
async function mountOf(directory: string, mounts: readonly string[]): Promise<string> {
  const { dev } = await stat(directory);
  for (const mount of mounts) {
    const other = await stat(mount).catch(() => null);
    if (other?.dev === dev) return mount;
  }
  return directory;
}

async function check(mountPoint: string, keeps: string | null): Promise<Check[]> {
  const read = readFileSystem(mountPoint, keeps);
  const disk = await Promise.race([
    read.catch((error: Error) => error.message),
    delay(STATFS_MS, `it does not answer within ${STATFS_MS} ms`, { ref: false }),
  ]);
  if (typeof disk !== 'string') return [checkDisk('disk', disk), checkInodes('inodes', disk)];
  return [
    skipped('disk', `${mountPoint} could not be looked at: ${disk}`, { subject: mountPoint }),
  ];
}

async function readFileSystem(mountPoint: string, keeps: string | null): Promise<FileSystem> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(mountPoint);
  return {
    mountPoint,
    totalBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    totalInodes: files,
    availableInodes: ffree,
    keeps,
  };
}
