import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkDisk, checkInodes, type FileSystem } from '@gopher/diagnosis';
import type { DiskUsage } from '@gopher/host';
import { CLIENT_NAMES } from '../../state/state-directory.js';
import type { Examination } from '../examination.js';
import type { Situation } from '../situation.js';

/** One that hangs is left out: it must not keep the others from being told. */
const LOOK_MS = 1_500;
const KEEPS = 'what the agent needs, its next configuration included,';

export const fileSystems: Examination = {
  ids: ['disk', 'inodes'],
  examine: async (situation) => {
    const disks = await situation.system.disks.readWithin(LOOK_MS);
    const byDevice = new Map<number, FileSystem>();
    for (const disk of disks) {
      const device = await deviceOf(disk.mountPoint);
      if (device !== null && !byDevice.has(device)) byDevice.set(device, toFileSystem(disk));
    }
    for (const directory of directoriesOf(situation)) {
      const device = await deviceOf(directory);
      if (device === null) continue;
      const known = byDevice.get(device) ?? (await look(directory));
      byDevice.set(device, { ...known, keeps: KEEPS });
    }
    const all = [...byDevice.values()];
    return all.flatMap((one) => [checkDisk('disk', one), checkInodes('inodes', one)]);
  },
};

/** Where the agent has to be able to write. */
function directoriesOf({ stateDir, clients }: Situation): string[] {
  return [stateDir, ...CLIENT_NAMES.map((name) => dirname(clients[name].file))];
}

/** null: it can not be looked at. */
const deviceOf = (path: string): Promise<number | null> =>
  stat(path).then(
    ({ dev }) => dev,
    () => null,
  );

const toFileSystem = ({ mountPoint, totalBytes, availableBytes, inodes }: DiskUsage) => ({
  mountPoint,
  totalBytes,
  availableBytes,
  totalInodes: inodes?.total ?? null,
  availableInodes: inodes?.available ?? null,
  keeps: null,
});

/** A filesystem that is not counted among the disks, such as one in memory. */
async function look(directory: string): Promise<FileSystem> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(directory);
  return {
    mountPoint: directory,
    totalBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    totalInodes: files,
    availableInodes: ffree,
    keeps: null,
  };
}
