import { CoolDown } from './cool-down.js';

describe(CoolDown.name, () => {
  const rule = { free: 2, firstMs: 30_000, longestMs: 300_000, forgetMs: 600_000 };
  let now = 0;
  const coolDown = (random = 0) =>
    new CoolDown(
      rule,
      () => now,
      () => random,
    );

  beforeEach(() => (now = 0));

  /** Seconds between the restarts that it lets through when asked every second. */
  function gaps(subject: CoolDown, seconds: number): number[] {
    const taken: number[] = [];
    for (; now < seconds * 1_000; now += 1_000) if (subject.tryTake()) taken.push(now / 1_000);
    return taken.slice(1).map((at, index) => at - (taken[index] ?? 0));
  }

  it('lets the first through at once, then waits longer each time, up to a limit', () => {
    expect(gaps(coolDown(), 1_600)).toEqual([1, 30, 60, 120, 240, 300, 300, 300]);
  });

  it('adds up to a fifth, so that machines do not come back together', () => {
    expect(gaps(coolDown(1), 200)).toEqual([1, 36, 72]);
  });

  it('begins again after a long time without a restart, and when told to', () => {
    const subject = coolDown();
    gaps(subject, 100);
    now += 600_000;
    expect(gaps(subject, now / 1_000 + 40)).toEqual([1, 30]);
    subject.reset();
    expect(subject.tryTake()).toBe(true);
  });
});
