import { statfs, type StatsFs, statfsSync } from 'node:fs';
import { readProc } from './proc.js';

export interface DiskUsage {
  mountPoint: string;
  /** As the kernel calls it, e.g. "ext4". */
  type: string;
  totalBytes: number;
  availableBytes: number;
  /** null: it counts none, as btrfs. */
  inodes: { total: number; available: number } | null;
}

export interface Mount {
  mountPoint: string;
  type: string;
}

type AskDisk = (
  mount: Mount,
  answer: (error: NodeJS.ErrnoException | null, stats: StatsFs) => void,
) => void;

const REFRESH_MS = 30_000;
/** Nobody needs to know more often, and timers of a second are not exact. */
const SHORTEST_REFRESH_MS = 900;
const MAX_DISKS = 64;
/** A file system that hangs must not keep the others from being reported. */
const STATFS_TIMEOUT_MS = 2_000;
/** Local file systems that hold data. Network ones can hang for minutes when asked. */
const REAL = new Set(
  'ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs jfs reiserfs nilfs2 vfat exfat ntfs ntfs3 fuseblk ufs overlay'.split(
    ' ',
  ),
);

/** Of these the kernel has the figures in memory. */
const IN_MEMORY = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'f2fs']);

/**
 * Asking aside costs ten times what the answer does. Only the root is asked at once: the way to any
 * other mount point may lead over one that hangs.
 */
function askKernel(mount: Mount, answer: Parameters<AskDisk>[1]): void {
  if (mount.mountPoint !== '/' || !IN_MEMORY.has(mount.type)) {
    return statfs(mount.mountPoint, answer);
  }
  let stats: StatsFs;
  try {
    stats = statfsSync('/');
  } catch (error) {
    return answer(error as NodeJS.ErrnoException, {} as StatsFs);
  }
  answer(null, stats);
}

/** The disks of this machine. */
export class Disks {
  private known: DiskUsage[] = [];
  private refreshedAt = -Infinity;
  private refreshing: Promise<void> | null = null;
  private readonly hanging = new Set<string>();
  private table = '';
  private mounts: Mount[] = [];

  constructor(private readonly ask: AskDisk = askKernel) {}

  /** Never waits; what it returns is at most 30 s old when it is called that often. */
  read(): DiskUsage[] {
    if (performance.now() - this.refreshedAt > REFRESH_MS) void this.refresh();
    return this.known;
  }

  /** As they are now, unless one of them takes longer than this: then as they were. */
  async readWithin(ms: number): Promise<DiskUsage[]> {
    if (performance.now() - this.refreshedAt > SHORTEST_REFRESH_MS) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        void this.refresh().then(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.known;
  }

  /** One at a time, so that what is older never comes after what is newer. Rejects never. */
  refresh(): Promise<void> {
    this.refreshing ??= this.look().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  /** Done once a second, it has to be cheap: one timer for all of them, and no promise for each. */
  private look(): Promise<void> {
    this.refreshedAt = performance.now();
    const asked = this.mountsNow().filter(({ mountPoint }) => !this.hanging.has(mountPoint));
    const found = new Map<Mount, DiskUsage | null>();
    return new Promise((resolve) => {
      let isOver = false;
      const end = () => {
        isOver = true;
        clearTimeout(timer);
        const usages = asked.map((mount) => found.get(mount) ?? null);
        this.known = usages.filter(
          (usage) => usage !== null && usage.totalBytes > 0,
        ) as DiskUsage[];
        resolve();
      };
      const timer = setTimeout(end, STATFS_TIMEOUT_MS).unref();
      for (const mount of asked) {
        this.hanging.add(mount.mountPoint);
        this.ask(mount, (error, stats) => {
          this.hanging.delete(mount.mountPoint);
          if (isOver) return; // what it says was so long ago
          found.set(mount, error ? null : toUsage(mount, stats));
          if (found.size === asked.length) end();
        });
      }
      if (asked.length === 0) end();
    });
  }

  /** Read anew each time: below a mount point that is one no more lies another disk. */
  private mountsNow(): Mount[] {
    const table = readProc('self/mounts') ?? '';
    if (table !== this.table) {
      this.table = table;
      this.mounts = realMounts(table).slice(0, MAX_DISKS);
    }
    return this.mounts;
  }
}

function toUsage({ mountPoint, type }: Mount, stats: StatsFs): DiskUsage {
  const { bsize, blocks, bavail, files, ffree } = stats;
  return {
    mountPoint,
    type,
    totalBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    inodes: files > 0 ? { total: files, available: ffree } : null,
  };
}

/** One mount point for each real file system: bind mounts of the same one are left out. */
export function realMounts(table: string): Mount[] {
  const byDevice = new Map<string, Mount>();
  for (const line of table.split('\n')) {
    const [device, escaped, type] = line.split(' ');
    if (!device || !escaped || !type || !REAL.has(type)) continue;
    const mountPoint = unescapeMount(escaped);
    const key = type === 'overlay' ? mountPoint : device;
    const known = byDevice.get(key);
    if (known && known.mountPoint.length <= mountPoint.length) continue;
    byDevice.set(key, { mountPoint, type });
  }
  return [...byDevice.values()];
}

/** The kernel writes blanks in names as octal numbers. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
