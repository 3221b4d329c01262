import { statfs } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { readProc } from './proc.js';

export interface DiskUsage {
  mountPoint: string;
  totalBytes: number;
  availableBytes: number;
}

const REFRESH_MS = 30_000;
const MAX_DISKS = 64;
/** A file system that hangs must not keep the others from being reported. */
const STATFS_TIMEOUT_MS = 2_000;
/** Local file systems that hold data. Network ones can hang for minutes when asked. */
const REAL = new Set(
  'ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs jfs reiserfs nilfs2 vfat exfat ntfs ntfs3 fuseblk ufs overlay'.split(
    ' ',
  ),
);

/** The disks of this machine, as they were a few seconds ago. */
export class Disks {
  private known: DiskUsage[] = [];
  private refreshedAt = -Infinity;
  private readonly hanging = new Set<string>();

  /** Never waits; what it returns is at most 30 s old when it is called that often. */
  read(): DiskUsage[] {
    if (performance.now() - this.refreshedAt > REFRESH_MS) void this.refresh();
    return this.known;
  }

  async refresh(): Promise<void> {
    this.refreshedAt = performance.now();
    const mounts = realMounts(readProc('self/mounts') ?? '');
    const asked = mounts.filter((mount) => !this.hanging.has(mount)).slice(0, MAX_DISKS);
    const usages = await Promise.all(asked.map((mount) => this.usage(mount)));
    this.known = usages.filter((usage) => usage !== null && usage.totalBytes > 0) as DiskUsage[];
  }

  private async usage(mountPoint: string): Promise<DiskUsage | null> {
    const answer = statfs(mountPoint).then(({ bsize, blocks, bavail }) => ({
      mountPoint,
      totalBytes: blocks * bsize,
      availableBytes: bavail * bsize,
    }));
    this.hanging.add(mountPoint);
    const settled = answer.catch(() => null).finally(() => this.hanging.delete(mountPoint));
    return Promise.race([settled, delay(STATFS_TIMEOUT_MS, null, { ref: false })]);
  }
}

/** One mount point for each real file system: bind mounts of the same one are left out. */
export function realMounts(table: string): string[] {
  const byDevice = new Map<string, string>();
  for (const line of table.split('\n')) {
    const [device, mountPoint, type] = line.split(' ');
    if (!device || !mountPoint || !type || !REAL.has(type)) continue;
    const path = unescapeMount(mountPoint);
    const key = type === 'overlay' ? path : device;
    const known = byDevice.get(key);
    if (known === undefined || path.length < known.length) byDevice.set(key, path);
  }
  return [...byDevice.values()];
}

/** The kernel writes blanks in names as octal numbers. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
