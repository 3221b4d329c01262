import type { DataSource } from 'typeorm';
import { DatabaseCheck } from './database.check.js';

/** A database that answers after so long. */
const answering = (afterMs: number) =>
  ({
    query: () => new Promise((resolve) => setTimeout(() => resolve([]), afterMs)),
  }) as unknown as DataSource;

describe(DatabaseCheck.name, () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    [10, 'pass'],
    [300, 'warn'],
    [60_000, 'fail'],
  ] as const)('of one that answers after %i ms: %s, within 2 s', async (afterMs, outcome) => {
    const looked = new DatabaseCheck(answering(afterMs)).look();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await looked).toMatchObject([{ outcome, measured: outcome === 'fail' ? null : {} }]);
  });
});
