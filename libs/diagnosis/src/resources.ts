import type { Check, Measured } from './check.js';
import { failed, passed, skipped, warned } from './finding.js';

const MIB = 1024 * 1024;

/** What a configuration of the largest size needs on the disk: its record, its file, its spare. */
export const DISK_FAILS_BELOW_BYTES = 4 * MIB;
export const DISK_WARNS_BELOW_RATIO = 0.05;
export const INODES_FAIL_BELOW = 16;
export const INODES_WARN_BELOW_RATIO = 0.05;
/** Of what programs can have without swapping: below it the kernel soon ends processes. */
export const MEMORY_FAILS_BELOW_RATIO = 0.02;
export const MEMORY_WARNS_BELOW_RATIO = 0.1;

export interface FileSystem {
  mountPoint: string;
  totalBytes: number;
  /** What an unprivileged program can still write. */
  availableBytes: number;
  /** Both null where the filesystem counts none, as btrfs. */
  totalInodes: number | null;
  availableInodes: number | null;
  /** What Gopher keeps there that it could not do without; null: nothing. */
  keeps: string | null;
}

/** A disk that Gopher does not write to can only be a warning. */
export function checkDisk(id: 'disk' | 'edge-disk', disk: FileSystem): Check {
  const { mountPoint, totalBytes, availableBytes, keeps } = disk;
  const measured: Measured = { value: availableBytes, unit: 'bytes' };
  const left = `${inWords(availableBytes)} of ${inWords(totalBytes)} left on ${mountPoint}`;
  const details = { subject: mountPoint, measured };
  const advice = `Make room on ${mountPoint}: du -xh ${mountPoint} | sort -h | tail shows what takes it`;
  if (keeps !== null && availableBytes < DISK_FAILS_BELOW_BYTES) {
    return failed(id, `The disk is full: ${left}, and ${keeps} is kept there`, {
      ...details,
      advice,
    });
  }
  if (availableBytes < totalBytes * DISK_WARNS_BELOW_RATIO) {
    return warned(id, `The disk is almost full: ${left}`, { ...details, advice });
  }
  return passed(id, left, details);
}

export function checkInodes(id: 'inodes' | 'edge-inodes', disk: FileSystem): Check {
  const { mountPoint, totalInodes, availableInodes, keeps } = disk;
  if (!totalInodes || availableInodes === null) {
    return skipped(id, `${mountPoint} does not count inodes`, { subject: mountPoint });
  }
  const measured: Measured = { value: availableInodes, unit: 'count' };
  const left = `${availableInodes} of ${totalInodes} inodes left on ${mountPoint}`;
  const details = { subject: mountPoint, measured };
  const advice = `Remove files on ${mountPoint} that nobody needs: du -x --inodes ${mountPoint} | sort -n | tail shows where most are`;
  if (keeps !== null && availableInodes < INODES_FAIL_BELOW) {
    return failed(id, `No more files can be made: ${left}, and ${keeps} is kept there`, {
      ...details,
      advice,
    });
  }
  if (availableInodes < totalInodes * INODES_WARN_BELOW_RATIO) {
    return warned(id, `Soon no more files can be made: ${left}`, { ...details, advice });
  }
  return passed(id, left, details);
}

export interface Memory {
  totalBytes: number;
  availableBytes: number;
}

export function checkMemory(
  id: 'memory' | 'edge-memory',
  { totalBytes, availableBytes }: Memory,
): Check {
  if (totalBytes <= 0) return skipped(id, 'The kernel does not say how much memory there is');
  const measured: Measured = { value: availableBytes, unit: 'bytes' };
  const left = `${inWords(availableBytes)} of ${inWords(totalBytes)} can still be had`;
  const advice = 'End what is not needed: ps --sort=-rss -eo rss,pid,args | head shows the largest';
  if (availableBytes < totalBytes * MEMORY_FAILS_BELOW_RATIO) {
    return failed(id, `The memory is used up, and the kernel may end processes: ${left}`, {
      measured,
      advice,
    });
  }
  if (availableBytes < totalBytes * MEMORY_WARNS_BELOW_RATIO) {
    return warned(id, `The memory is almost used up: ${left}`, { measured, advice });
  }
  return passed(id, left, { measured });
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function inWords(bytes: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.floor(value)} ${UNITS[power]}`;
}
