import { statfs, type StatsFs } from 'node:fs';
import { Disks, realMounts } from './disks.js';
import { readProc } from './proc.js';

describe(realMounts.name, () => {
  it('names each real file system once, by its shortest mount point', () => {
    const table = [
      'proc /proc proc rw 0 0',
      'tmpfs /run tmpfs rw 0 0',
      '/dev/vda /var/lib/docker ext4 rw 0 0',
      '/dev/vda / ext4 rw 0 0',
      '/dev/sdb1 /media/my\\040disk xfs rw 0 0',
      'nas:/share /mnt/nas nfs4 rw 0 0',
      '',
    ].join('\n');
    expect(realMounts(table)).toEqual([
      { mountPoint: '/', type: 'ext4' },
      { mountPoint: '/media/my disk', type: 'xfs' },
    ]);
  });
});

describe(Disks.name, () => {
  /** As of one that holds 100 blocks; what is asked beside `statfs`. */
  const stats = (changes: Partial<StatsFs> = {}): StatsFs => ({
    type: 0,
    bsize: 4_096,
    frsize: 4_096,
    blocks: 100,
    bfree: 60,
    bavail: 50,
    files: 30,
    ffree: 20,
    ...changes,
  });

  it('reports sizes that make sense, from the second look on at once', async () => {
    const disks = new Disks();
    await disks.refresh();
    for (const { totalBytes, availableBytes, type } of disks.read()) {
      expect(totalBytes).toBeGreaterThan(0);
      expect(availableBytes).toBeLessThanOrEqual(totalBytes);
      expect(type).not.toBe('');
    }
  });

  it('has no inodes, and not zero of them, for a file system that counts none', async () => {
    const disks = new Disks((_mount, answer) => answer(null, stats({ files: 0, ffree: 0 })));
    await disks.refresh();
    expect(disks.read().map(({ inodes }) => inodes)).toEqual(disks.read().map(() => null));
    const counting = new Disks((_mount, answer) => answer(null, stats()));
    await counting.refresh();
    expect(counting.read()[0]).toMatchObject({
      totalBytes: 409_600,
      availableBytes: 204_800,
      inodes: { total: 30, available: 20 },
    });
  });

  it('does not wait for a file system that hangs, nor asks it again until it answers', async () => {
    let asked = 0;
    const waiting: (() => void)[] = [];
    const disks = new Disks((_mount, answer) => {
      asked += 1;
      waiting.push(() => answer(null, stats()));
    });
    const from = performance.now();
    expect(await disks.readWithin(50)).toEqual([]);
    expect(performance.now() - from).toBeLessThan(1_500);
    await disks.refresh(); // gives up on it
    await disks.refresh();
    expect(asked).toBe(realMountsHere());
    for (const answerNow of waiting) answerNow();
    expect(disks.read()).toEqual([]);
    const again = disks.refresh();
    expect(asked).toBe(2 * realMountsHere());
    for (const answerNow of waiting.slice(realMountsHere())) answerNow();
    await again;
    expect(disks.read()).toHaveLength(realMountsHere());
  });

  it('is looked at again by those who want it as it is, once a second at most', async () => {
    let asked = 0;
    const disks = new Disks(({ mountPoint }, answer) => {
      asked += 1;
      statfs(mountPoint, answer);
    });
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    await disks.readWithin(1_000);
    await disks.readWithin(1_000);
    expect(asked).toBe(realMountsHere());
    vi.advanceTimersByTime(1_000);
    await disks.readWithin(1_000);
    expect(asked).toBe(2 * realMountsHere());
  });
});

const realMountsHere = () => realMounts(readProc('self/mounts')!).length;
