import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Check, checkDisk, checkInodes, type FileSystem, skipped } from '@gopher/diagnosis';
import { readProc, realMounts } from '@gopher/host';
import { CLIENT_NAMES } from '../../state/state-directory.js';
import type { Examination } from '../examination.js';

const MAX_OTHERS = 16;
/** One that hangs must not keep the others from being told. */
const STATFS_MS = 1_500;
const KEEPS = 'what the agent needs, its next configuration included,';

export const fileSystems: Examination = {
  ids: ['disk', 'inodes'],
  examine: async ({ stateDir, clients }) => {
    const mounts = realMounts(readProc('self/mounts') ?? '')
      .slice(0, MAX_OTHERS)
      .map(({ mountPoint }) => mountPoint);
    const directories = CLIENT_NAMES.map((name) => dirname(clients[name].file));
    const all = await onePerDevice([...mounts, stateDir, ...directories]);
    const needed = await onePerDevice([stateDir, ...directories]);
    const looks = [...all].map(([device, path]) => check(path, needed.has(device) ? KEEPS : null));
    return (await Promise.all(looks)).flat();
  },
};

/** The first path on each; one that can not be looked at is left out. */
async function onePerDevice(paths: readonly string[]): Promise<Map<number, string>> {
  const stats = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
  const byDevice = new Map<number, string>();
  for (const [i, path] of paths.entries()) {
    const device = stats[i]?.dev;
    if (device !== undefined && !byDevice.has(device)) byDevice.set(device, path);
  }
  return byDevice;
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
