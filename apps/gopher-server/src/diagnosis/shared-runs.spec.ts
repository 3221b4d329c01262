import { SharedRuns, TooManyDiagnosesError } from './shared-runs.js';

describe(SharedRuns.name, () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const hanging = () => new Promise<number>(() => {});

  it('runs once for all who ask meanwhile, and for a second more', async () => {
    const runs = new SharedRuns<number>();
    let count = 0;
    const ask = () => runs.get('a', () => Promise.resolve(++count));
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
    await vi.advanceTimersByTimeAsync(900);
    expect(await ask()).toBe(1);
    await vi.advanceTimersByTimeAsync(101);
    expect(await ask()).toBe(2);
  });

  it('keeps no failure', async () => {
    const runs = new SharedRuns<number>();
    const failing = runs.get('a', () => Promise.reject(new Error('away')));
    await expect(failing).rejects.toThrow('away');
    expect(await runs.get('a', () => Promise.resolve(1))).toBe(1);
  });

  it('keeps those of different subjects apart, and has 20 at once at most', async () => {
    const runs = new SharedRuns<number>();
    for (let i = 0; i < 19; i += 1) void runs.get(`${i}`, hanging);
    expect(await runs.get('quick', () => Promise.resolve(7))).toBe(7);
    void runs.get('last', hanging);
    await expect(runs.get('more', hanging)).rejects.toThrow(TooManyDiagnosesError);
    expect(await runs.get('quick', hanging)).toBe(7);
  });
});
