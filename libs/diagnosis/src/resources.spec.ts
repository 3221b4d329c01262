import {
  checkDisk,
  checkInodes,
  checkMemory,
  DISK_FAILS_BELOW_BYTES,
  INODES_FAIL_BELOW,
} from './resources.js';

const GIB = 1024 ** 3;
const disk = {
  mountPoint: '/var',
  totalBytes: 100 * GIB,
  availableBytes: 50 * GIB,
  totalInodes: 1_000,
  availableInodes: 500,
  keeps: "the agent's configuration",
};

describe(checkDisk.name, () => {
  it.each([
    [50 * GIB, 'pass', '50 GiB of 100 GiB left on /var'],
    [4.9 * GIB, 'warn', 'almost full: 4.9 GiB of 100 GiB'],
    [DISK_FAILS_BELOW_BYTES - 1, 'fail', 'full: 4.0 MiB of 100 GiB'],
    [0, 'fail', "full: 0 B of 100 GiB left on /var, and the agent's configuration is kept"],
  ] as const)('finds %i bytes: %s', (availableBytes, outcome, meaning) => {
    const check = checkDisk('disk', { ...disk, availableBytes });
    expect(check).toMatchObject({
      outcome,
      subject: '/var',
      measured: { value: availableBytes, unit: 'bytes' },
    });
    expect(check.meaning).toContain(meaning);
    expect(check.advice === null).toBe(outcome === 'pass');
  });

  it('only warns of a full disk that Gopher keeps nothing on', () => {
    const full = { ...disk, availableBytes: 0, availableInodes: 0, keeps: null };
    expect(checkDisk('edge-disk', full).outcome).toBe('warn');
    expect(checkInodes('edge-inodes', full).outcome).toBe('warn');
  });
});

describe(checkInodes.name, () => {
  it.each([
    [500, 'pass'],
    [49, 'warn'],
    [INODES_FAIL_BELOW - 1, 'fail'],
  ] as const)('finds %i: %s', (availableInodes, outcome) => {
    expect(checkInodes('inodes', { ...disk, availableInodes })).toMatchObject({ outcome });
  });

  it.each([
    { totalInodes: null, availableInodes: null },
    { totalInodes: 0, availableInodes: 0 },
  ])('says nothing where none are counted', (uncounted) => {
    expect(checkInodes('inodes', { ...disk, ...uncounted }).outcome).toBe('skip');
  });
});

describe(checkMemory.name, () => {
  it.each([
    [500, 'pass'],
    [99, 'warn'],
    [19, 'fail'],
  ] as const)('finds %i of 1000: %s', (availableBytes, outcome) => {
    expect(checkMemory('memory', { totalBytes: 1_000, availableBytes })).toMatchObject({ outcome });
  });

  it('says nothing where the kernel does not', () => {
    expect(checkMemory('memory', { totalBytes: 0, availableBytes: 0 }).outcome).toBe('skip');
  });
});
