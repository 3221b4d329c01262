import { Disks, realMounts } from './disks.js';

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
    expect(realMounts(table)).toEqual(['/', '/media/my disk']);
  });
});

describe(Disks.name, () => {
  it('reports sizes that make sense, from the second look on at once', async () => {
    const disks = new Disks();
    await disks.refresh();
    for (const { totalBytes, availableBytes } of disks.read()) {
      expect(totalBytes).toBeGreaterThan(0);
      expect(availableBytes).toBeLessThanOrEqual(totalBytes);
    }
  });
});
