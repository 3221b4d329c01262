import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { streamCommand } from '@gopher/supervisor';
import {
  JournalLogReader,
  type LogBatch,
  type LogEntry,
  type LogQuery,
  LogUnavailableError,
  parseJsonLine,
  parseRatholeLine,
  SecretMask,
} from '../src/index.js';
import { until } from '../../../test/product/until.js';

const PRINTER = fileURLToPath(new URL('./print-journal.mjs', import.meta.url));
const UNITS = [
  { source: 'agent', unit: 'gopher-agent.service', parse: parseJsonLine },
  { source: 'data', unit: 'gopher-rathole-data.service', parse: parseRatholeLine },
] as const;
type Source = 'agent' | 'data';

const ALL: LogQuery<Source> = {
  sources: ['agent', 'data'],
  tail: 100,
  follow: false,
  since: null,
  leastLevel: 'debug',
  contains: '',
};

/** A real process prints what journalctl prints: there is no systemd where the tests run. */
describe(JournalLogReader.name, () => {
  let gone: AbortController;
  let commands: string[][];

  beforeEach(() => {
    gone = new AbortController();
    commands = [];
  });
  afterEach(() => gone.abort());

  function open(behaviour: string, query: Partial<LogQuery<Source>> = {}) {
    const run = (args: readonly string[]) => {
      commands.push([...args]);
      return streamCommand(process.execPath, [PRINTER, behaviour, ...args]);
    };
    const reader = new JournalLogReader<Source>({
      run,
      units: UNITS,
      mask: () => new SecretMask(),
    });
    return reader.read({ ...ALL, ...query }, gone.signal);
  }

  async function read(behaviour: string, query?: Partial<LogQuery<Source>>) {
    const entries: LogEntry<Source>[] = [];
    for await (const batch of open(behaviour, query)) entries.push(...batch.entries);
    return entries;
  }

  const next = async (batches: AsyncGenerator<LogBatch<Source>>) =>
    (await batches.next()).value as LogBatch<Source>;

  it('reads what each unit wrote, and what systemd says of it', async () => {
    const second = (number: number) => new Date(1_767_225_600_000 + number * 1_000);
    expect(await read('prints')).toEqual([
      { at: second(1), source: 'agent', level: 'info', text: 'entry 1', cut: false },
      { at: second(2), source: 'data', level: 'warn', text: 'rathole: careful', cut: false },
      {
        at: second(3),
        source: 'agent',
        level: 'info',
        text: 'Started gopher-agent.service',
        cut: false,
      },
      { at: second(5), source: 'agent', level: 'error', text: 'bytes \ufffd\\x1b', cut: false },
      { at: second(6), source: 'agent', level: 'info', text: '', cut: true },
    ]);
    expect(commands[0]).toEqual(
      expect.arrayContaining(['--unit=gopher-agent.service', '--unit=gopher-rathole-data.service']),
    );
  });

  it('asks for what is wanted, and takes no more than that', async () => {
    const since = new Date('2026-01-01T00:00:02.5Z');
    const entries = await read('prints', { sources: ['data'], since });
    expect(entries).toEqual([]);
    expect(commands[0]).toContain('--since=@1767225602');
    await read('prints', { sources: ['data'], since: new Date('0001-01-01T00:00:00Z') });
    expect(commands[1]!.filter((arg) => arg.startsWith('--since'))).toEqual([]);
    expect(commands[0]).not.toContain('--unit=gopher-agent.service');
    expect((await read('prints', { tail: 2 })).map(({ text }) => text)).toEqual([
      'bytes \ufffd\\x1b',
      '',
    ]);
    expect((await read('prints', { leastLevel: 'warn' })).map(({ level }) => level)).toEqual([
      'warn',
      'error',
    ]);
  });

  it('follows from the newest entry on, and leaves no child when the reader goes', async () => {
    const batches = open('prints', { follow: true });
    expect((await next(batches)).caughtUp).toBe(true);
    expect((await next(batches)).entries.map(({ text }) => text)).toEqual([
      '--after-cursor=cursor-6',
    ]);
    const waiting = batches.next();
    expect(children()).toHaveLength(1);
    gone.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await until('no child is left', () => children().length === 0);
  });

  it('leaves no child when the reader stops in the middle', async () => {
    for await (const batch of open('prints', { follow: true }))
      if (batch.entries.length === 1) break;
    await until('no child is left', () => children().length === 0);
  });

  it('says so when journalctl ends or can not be had', async () => {
    await expect(read('fails')).rejects.toThrow(
      new LogUnavailableError(
        'journalctl ended with exit code 1: Failed to open the journal: Permission denied',
      ),
    );
    await expect(read('dies', { follow: true })).rejects.toThrow(
      'journalctl ended with exit code 3',
    );
    const missing = new JournalLogReader<Source>({
      run: (args) => streamCommand('/nowhere/journalctl', args),
      units: UNITS,
      mask: () => new SecretMask(),
    });
    await expect(missing.read(ALL, gone.signal).next()).rejects.toThrow(/ENOENT/);
    expect(children()).toEqual([]);
  });

  it('ends one that says nothing, and leaves no child', async () => {
    await expect(read('hangs')).rejects.toThrow('journalctl took longer than 10 s');
    await until('no child is left', () => children().length === 0);
  });

  it('lets a flood wait while nobody takes it, and counts all of it', async () => {
    const batches = open('floods', { follow: true });
    await next(batches);
    const before = process.memoryUsage().rss;
    let [received, dropped] = [0, 0];
    for (let pauses = 0; received + dropped < 200_001; pauses += 1) {
      const batch = await next(batches);
      received += batch.entries.length;
      dropped += batch.dropped;
      if (pauses === 2) await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    }
    expect(received + dropped).toBe(200_001);
    expect(dropped).toBeGreaterThan(0);
    gone.abort();
    await batches.return(undefined);
    await until('no child is left', () => children().length === 0);
  });
});

/** Of this process, and still running. */
function children(): string[] {
  const directory = `/proc/${process.pid}/task/${process.pid}/children`;
  return readFileSync(directory, 'latin1')
    .split(' ')
    .filter((pid) => pid !== '');
}
