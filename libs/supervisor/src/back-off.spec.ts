import { BackOff } from './back-off.js';

describe(BackOff.name, () => {
  it('restarts at once first, then in a window that doubles from 1 s to 32 s for ever', () => {
    const backOff = new BackOff(() => 1);
    const delays = Array.from({ length: 9 }, () => backOff.next(0));
    expect(delays).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 32_000, 32_000]);
  });

  it('draws from the whole window', () => {
    const draws = [0, 0.25];
    const backOff = new BackOff(() => draws.shift() ?? 1);
    backOff.next(0);
    expect([backOff.next(0), backOff.next(0)]).toEqual([0, 500]);
  });

  it('forgets after 30 s of running, and not before', () => {
    const backOff = new BackOff(() => 1);
    expect([backOff.next(0), backOff.next(29_999), backOff.next(30_000)]).toEqual([0, 1_000, 0]);
  });

  it('does not overflow after thousands of failures', () => {
    const backOff = new BackOff(() => 1);
    for (let i = 0; i < 5_000; i++) backOff.next(0);
    expect(backOff.next(0)).toBe(32_000);
  });
});
