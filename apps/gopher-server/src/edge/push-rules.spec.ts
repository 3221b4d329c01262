import { retryPushAfterMs, stepFor } from './push-rules.js';

const config = (sha256: string, state: 'applied' | 'unconfirmed' | 'drifted' = 'applied') => ({
  revision: 3,
  sha256,
  state,
  detail: '',
});
const reverted = (sha256: string, cause: 'not-taken' | 'not-confirmed') => ({
  revision: 4,
  sha256,
  cause,
  reason: '',
});

describe(stepFor.name, () => {
  it.each([
    ['rest', { config: config('a'), reverted: null }, null],
    ['rest', { config: config('a', 'drifted'), reverted: null }, null],
    ['prove', { config: config('a', 'unconfirmed'), reverted: null }, null],
    ['push', { config: config('b'), reverted: null }, null],
    ['push', { config: config('b', 'unconfirmed'), reverted: null }, null],
    ['push', { config: null, reverted: null }, null],
    ['push', { config: config('b'), reverted: reverted('a', 'not-confirmed') }, null],
    ['push', { config: config('b'), reverted: reverted('c', 'not-taken') }, 'c'],
    ['keep', { config: config('b'), reverted: reverted('a', 'not-taken') }, null],
    ['keep', { config: config('b'), reverted: null }, 'a'],
    ['rest', { config: config('a'), reverted: reverted('a', 'not-taken') }, 'a'],
  ])('is %s for %j where %s was refused', (step, report, refused) => {
    expect(stepFor('a', report, refused)).toBe(step);
  });
});

describe(retryPushAfterMs.name, () => {
  it('doubles from 1 s to 60 s, and is spread over the upper half', () => {
    const most = [1, 2, 3, 6, 7, 100].map((failures) => retryPushAfterMs(failures, 1));
    expect(most).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
    expect(retryPushAfterMs(3, 0)).toBe(2_000);
  });
});
