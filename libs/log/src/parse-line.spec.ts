import { parseJsonLine, parseRatholeLine } from './parse-line.js';

describe(parseRatholeLine.name, () => {
  it('has time, level and all that follows', () => {
    const line =
      '2026-11-23T15:20:20.528123Z  INFO handle{service=a}:run: rathole::client: Control channel established';
    expect(parseRatholeLine(line)).toEqual({
      at: new Date('2026-11-23T15:20:20.528Z'),
      level: 'info',
      text: 'handle{service=a}:run: rathole::client: Control channel established',
    });
  });

  it.each([
    "thread 'main' panicked at src/main.rs:1:1:",
    'Error: invalid config',
    '2026-99-99T15:20:20.5Z  INFO rathole: no such day',
  ])('takes what has no header for an error: %s', (line) => {
    expect(parseRatholeLine(line)).toEqual({ at: null, level: 'error', text: line });
  });
});

describe(parseJsonLine.name, () => {
  it("understands the agent's lines", () => {
    const line = {
      at: '2026-11-23T15:20:20.528Z',
      level: 'warn',
      context: 'Some',
      message: 'text',
    };
    expect(parseJsonLine(JSON.stringify({ ...line, details: ['more', { x: 1 }] }))).toEqual({
      at: new Date(line.at),
      level: 'warn',
      text: 'Some: text\nmore\n{"x":1}',
    });
  });

  it.each([
    [10, 'debug'],
    [20, 'debug'],
    [30, 'info'],
    [40, 'warn'],
    [50, 'error'],
    [60, 'error'],
  ])("understands pino's lines of level %i", (level, name) => {
    const line = {
      level,
      time: 1_795_447_587_992,
      pid: 1,
      hostname: 'vm',
      context: 'X',
      msg: 'text',
    };
    expect(parseJsonLine(JSON.stringify(line))).toEqual({
      at: new Date(line.time),
      level: name,
      text: 'X: text',
    });
  });

  it('shows the stack of an error, once', () => {
    const line = {
      level: 50,
      time: 1,
      msg: 'broken',
      err: { message: 'broken', stack: 'Error: broken\n at x' },
    };
    expect(parseJsonLine(JSON.stringify(line)).text).toBe('broken\nError: broken\n at x');
  });

  it.each(['node:internal/errors:1', '{"not": closed', '{}', 'null', '[1]', ''])(
    'takes anything else for an error: %j',
    (line) => {
      expect(parseJsonLine(line)).toMatchObject({ at: null, level: 'error' });
    },
  );

  it('keeps the time and the level of a line that was cut off', () => {
    const line = '{"level":30,"time":1795447587992,"pid":1,"msg":"very lo';
    expect(parseJsonLine(line)).toEqual({
      at: new Date(1_795_447_587_992),
      level: 'info',
      text: line,
    });
  });
});
