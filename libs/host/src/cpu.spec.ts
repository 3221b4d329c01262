import { coreUsageBetween, type CpuTicks, parseCpuTicks, usageBetween } from './cpu.js';

const STAT = [
  'cpu  100 10 50 800 40 0 0 0 30 0',
  'cpu0 60 10 30 380 20 0 0 0 30 0',
  'cpu1 40 0 20 420 20 0 0 0 0 0',
  `intr ${'1 '.repeat(10_000)}`,
  'cpux is no processor',
  '',
].join('\n');

describe(parseCpuTicks.name, () => {
  it('counts what is not idle as busy, and a guest only once', () => {
    expect(parseCpuTicks(STAT)).toEqual({
      all: { busy: 160, total: 1_000 },
      cores: [
        { busy: 100, total: 500 },
        { busy: 60, total: 500 },
      ],
    });
  });

  it('of a kernel that tells nothing is null', () => {
    expect(parseCpuTicks('')).toBeNull();
  });
});

describe(usageBetween.name, () => {
  it.each([
    [{ busy: 10, total: 100 }, { busy: 60, total: 200 }, 0.5],
    [{ busy: 10, total: 100 }, { busy: 5, total: 200 }, 0],
    [{ busy: 10, total: 100 }, { busy: 10, total: 100 }, null],
    [{ busy: 10, total: 100 }, { busy: 1, total: 10 }, null],
  ])('from %o to %o is %s', (before, now, usage) => {
    expect(usageBetween(before, now)).toBe(usage);
  });
});

describe(coreUsageBetween.name, () => {
  const cores = (...busy: number[]): CpuTicks => {
    const ticks = busy.map((value) => ({ busy: value, total: value * 2 }));
    return { all: { busy: 1, total: 1 }, cores: ticks };
  };

  it('is told of each core, and not at all when one came or went', () => {
    expect(coreUsageBetween(cores(1, 2), cores(3, 4))).toEqual([0.5, 0.5]);
    expect(coreUsageBetween(cores(1, 2), cores(3))).toEqual([]);
  });
});
