import { parsePidRecord } from './pid-record.js';

const record = {
  pid: 77,
  startTicks: 987,
  bootId: 'b',
  argv: ['/bin/sh', '/x'],
  command: ['/x'],
  startedAt: '2026-01-02T03:04:05.000Z',
  ownGroup: true,
  stop: { signal: 'SIGTERM', graceMs: 5_000 },
};

describe(parsePidRecord.name, () => {
  it('reads what was written', () => {
    const startedAt = new Date(record.startedAt);
    expect(parsePidRecord(JSON.stringify(record))).toEqual({ ...record, startedAt });
  });

  it.each(['', '{', 'null', '[]', '7'])('knows nothing from "%s"', (text) => {
    expect(parsePidRecord(text)).toBeNull();
  });

  it.each([
    ['pid', 0],
    ['pid', -1],
    ['pid', 1],
    ['pid', '77'],
    ['startTicks', null],
    ['bootId', 3],
    ['argv', []],
    ['argv', [1]],
    ['command', 'x'],
    ['startedAt', 'yesterday'],
    ['ownGroup', 1],
    ['stop', {}],
  ])('refuses %s = %j', (field, value) => {
    expect(parsePidRecord(JSON.stringify({ ...record, [field]: value }))).toBeNull();
  });
});
