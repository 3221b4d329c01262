import { forEachLimit } from './for-each-limit.js';

describe(forEachLimit.name, () => {
  it('has at most so many in flight, and does each once', async () => {
    let inFlight = 0;
    let most = 0;
    const done: number[] = [];
    const items = Array.from({ length: 25 }, (_, i) => i);
    await forEachLimit(items, 4, async (item) => {
      most = Math.max(most, ++inFlight);
      await Promise.resolve();
      done.push(item);
      inFlight -= 1;
    });
    expect([most, done.toSorted((a, b) => a - b)]).toEqual([4, items]);
  });

  it('has nothing to do for nothing', async () => {
    await expect(forEachLimit([], 4, () => Promise.reject(new Error()))).resolves.toBeUndefined();
  });
});
