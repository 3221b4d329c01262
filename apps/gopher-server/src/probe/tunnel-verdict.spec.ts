import { retryAfterMs } from './tunnel-verdict.js';

describe(retryAfterMs.name, () => {
  const failed = { state: 'failed', leg: 'machine→target', reason: 'it is not there' } as const;
  const pending = { state: 'pending', reason: 'its client.toml was not fetched yet' } as const;

  it('grows to half a minute where a service may be disturbed', () => {
    expect([1, 2, 6, 100].map((attempts) => retryAfterMs(failed, attempts))).toEqual([
      1_000, 2_000, 30_000, 30_000,
    ]);
  });

  it('stays short for a tunnel that waits for its machine, however long it waits', () => {
    expect([1, 2, 6, 100].map((attempts) => retryAfterMs(pending, attempts))).toEqual([
      1_000, 2_000, 2_000, 2_000,
    ]);
  });
});
