import { parseArgv, parseEffectiveUid, parseOpenFilesLimit, parseStat, startTime } from './proc.js';

const AFTER_NAME = 'S 12 34 34 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 987654 2703360 130';

describe(parseStat.name, () => {
  const expected = { state: 'S', ppid: 12, pgrp: 34, startTicks: 987654 };

  it.each(['sleep', 'a b', '(sd-pam)', 'x) R 1 1 1 (y', 'tmux: server', ''])(
    'reads past a process named "%s"',
    (name) => {
      expect(parseStat(`77 (${name}) ${AFTER_NAME}`)).toEqual({ pid: 77, ...expected });
    },
  );

  it.each(['', '77', '77 (sleep', '77 (sleep) S 1 2', `x (sleep) ${AFTER_NAME}`])(
    'makes nothing of "%s"',
    (text) => expect(parseStat(text)).toBeNull(),
  );
});

describe(parseArgv.name, () => {
  it('keeps empty and odd arguments', () => {
    expect(parseArgv('/bin/x\0--a b\0\0ä\0')).toEqual(['/bin/x', '--a b', '', 'ä']);
  });

  it('keeps a title that a program wrote over its arguments', () => {
    expect(parseArgv('postgres: checkpointer')).toEqual(['postgres: checkpointer']);
  });

  it('has nothing for a kernel thread', () => {
    expect(parseArgv('')).toEqual([]);
  });
});

describe(parseEffectiveUid.name, () => {
  it('takes the effective one', () => {
    expect(parseEffectiveUid('Name:\tUid: 5\nUid:\t1000\t65534\t3\t4\nGid:\t7\t8\t9\t9\n')).toBe(
      65534,
    );
  });

  it('has none without the line', () => {
    expect(parseEffectiveUid('')).toBeNull();
  });
});

describe(parseOpenFilesLimit.name, () => {
  const limits = (hard: string) =>
    `Max processes  5  6  processes\nMax open files            1024                 ${hard}   files\n`;

  it('takes the hard limit', () => {
    expect(parseOpenFilesLimit(limits('524288'))).toBe(524_288);
  });

  it('knows no limit', () => {
    expect(parseOpenFilesLimit(limits('unlimited'))).toBe(Infinity);
  });

  it('has none without the line', () => {
    expect(parseOpenFilesLimit('')).toBeNull();
  });
});

describe(startTime.name, () => {
  it('counts from boot', () => {
    expect(startTime(1_500, 100, 1_000_000)).toEqual(new Date(1_000_000 - 85_000));
  });
});
