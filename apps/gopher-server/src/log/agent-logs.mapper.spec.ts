import { LogLevel, LogSource } from '@gopher/proto';
import { toLogBatch } from './agent-logs.mapper.js';

describe(toLogBatch.name, () => {
  const entry = {
    loggedAt: undefined,
    source: LogSource.AGENT,
    level: LogLevel.INFO,
    text: 'hello',
    cut: false,
  };
  const batch = (changes: object) =>
    toLogBatch({ entries: [{ ...entry, ...changes }], dropped: 0n, caughtUp: false }).entries[0];

  it('takes an entry as it is', () => {
    const loggedAt = new Date('2026-01-02T03:04:05Z');
    expect(batch({ loggedAt })).toEqual({
      at: loggedAt,
      source: 'agent',
      level: 'info',
      text: 'hello',
      cut: false,
    });
  });

  it('takes no time that there cannot be, and no source and level that nobody knows', () => {
    const strange = { loggedAt: new Date(2 ** 62 * 1_000), source: 99, level: 99 };
    expect(batch(strange)).toMatchObject({ at: null, source: 'agent', level: 'error' });
  });

  it('cleans text that an agent did not', () => {
    expect(batch({ text: 'a\u001b[31mb' })?.text).not.toContain('\u001b');
  });
});
