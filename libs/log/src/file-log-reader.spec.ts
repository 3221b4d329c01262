import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileLogReader, type LogFile } from './file-log-reader.js';
import type { LogQuery } from './log-query.js';
import { type LogBatch, LogUnavailableError } from './log-reader.js';
import { parseRatholeLine } from './parse-line.js';
import { SecretMask } from './secret-mask.js';

const ALL: LogQuery = {
  sources: ['a'],
  tail: 10_000,
  follow: false,
  since: null,
  leastLevel: 'debug',
  contains: '',
};
const START = Date.parse('2026-01-01T00:00:00Z');

/** At so many seconds. */
const line = (second: number, text: string, level = 'INFO'): string =>
  `${new Date(START + second * 1_000).toISOString()} ${level.padStart(5)} ${text}\n`;

describe(FileLogReader.name, () => {
  let directory: string;
  let reader: FileLogReader<string>;
  let absent: string | null;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gopher-reader-'));
    absent = null;
    reader = new FileLogReader({ find, mask: () => new SecretMask(['top-secret-value']) });
  });

  const file = (name: string) => join(directory, `${name}.log`);
  const write = (name: string, text: string | Buffer) => appendFileSync(file(name), text);
  const rotate = (name: string) => {
    copyFileSync(file(name), `${file(name)}.1`);
    truncateSync(file(name));
  };

  function find(name: string): LogFile | string {
    return name === absent
      ? `${name} writes nowhere`
      : { path: file(name), parse: parseRatholeLine };
  }

  async function read(query: Partial<LogQuery> = {}) {
    const batches: LogBatch[] = [];
    for await (const batch of reader.read({ ...ALL, ...query }, new AbortController().signal)) {
      batches.push(batch);
    }
    return batches.flatMap(({ entries }) => entries);
  }

  const texts = async (query?: Partial<LogQuery>) => (await read(query)).map(({ text }) => text);

  describe('a page', () => {
    it('has the newest entries, oldest first, over a rotation', async () => {
      for (let i = 0; i < 300; i += 1) write('a', line(i, `old ${i}`));
      rotate('a');
      for (let i = 300; i < 400; i += 1) write('a', line(i, `new ${i}`));
      expect(await texts({ tail: 3 })).toEqual(['new 397', 'new 398', 'new 399']);
      const many = await texts({ tail: 250 });
      expect(many).toHaveLength(250);
      expect([many[0], many[149], many[150]]).toEqual(['old 150', 'old 299', 'new 300']);
      expect(await texts()).toHaveLength(400);
      expect(await texts({ tail: 0 })).toEqual([]);
    });

    it('has more entries than fit into one message, each once', async () => {
      const all = Array.from({ length: 5_000 }, (_, i) => `entry ${i} ${'x'.repeat(i % 300)}.`);
      write('a', all.map((text, i) => line(i, text)).join(''));
      expect(await texts()).toEqual(all);
    });

    it('has those of a level, from a moment on, and with a word, and counts only them', async () => {
      for (let i = 0; i < 100; i += 1) {
        write('a', line(i, `${i % 2 ? 'ODD' : 'even'} ${i}`, i % 10 ? 'INFO' : 'WARN'));
      }
      expect(await texts({ leastLevel: 'warn', tail: 2 })).toEqual(['even 80', 'even 90']);
      expect(await texts({ since: new Date(START + 97_000) })).toEqual([
        'ODD 97',
        'even 98',
        'ODD 99',
      ]);
      expect(await texts({ contains: 'odd', tail: 2 })).toEqual(['ODD 97', 'ODD 99']);
      expect(await texts({ contains: 'nowhere' })).toEqual([]);
    });

    it('puts several logs into the order of their times, and takes the newest of all', async () => {
      write('a', line(1, 'a1') + line(4, 'a4') + 'a panic\n' + line(5, 'a5'));
      write('b', line(2, 'b2') + line(3, 'b3') + line(6, 'b6'));
      const sources = ['a', 'b'];
      const all = ['a1', 'b2', 'b3', 'a4', 'a panic', 'a5', 'b6'];
      expect(await texts({ sources })).toEqual(all);
      for (const tail of [1, 2, 4, 6])
        expect(await texts({ sources, tail })).toEqual(all.slice(-tail));
    });

    it('keeps the order of a log whose clock was set back', async () => {
      write('a', line(5, 'before') + line(1, 'after'));
      write('b', line(3, 'other'));
      expect(await texts({ sources: ['a', 'b'] })).toEqual(['other', 'before', 'after']);
    });

    it('says which log is in no file, and fails when none is', async () => {
      absent = 'b';
      write('a', line(1, 'one'));
      expect(await read({ sources: ['a', 'b'] })).toMatchObject([
        { source: 'b', level: 'warn', text: 'b writes nowhere', at: null },
        { source: 'a', text: 'one' },
      ]);
      await expect(texts({ sources: ['b'] })).rejects.toThrow(LogUnavailableError);
    });

    it('is empty for a log that was never written', async () => {
      expect(await texts()).toEqual([]);
    });

    it('has the last line also when nothing ends it', async () => {
      write('a', line(1, 'one') + line(2, 'two').trimEnd());
      expect(await texts()).toEqual(['one', 'two']);
    });

    it('never tells by what it finds where a secret stands', async () => {
      write('a', line(1, 'it is top-secret-value here'));
      expect(await texts({ contains: 'top-secret' })).toEqual([]);
      expect(await texts({ contains: 'it is ***' })).toEqual(['it is *** here']);
    });
  });

  describe('hostile bytes', () => {
    it('become entries that harm nobody', async () => {
      write(
        'a',
        Buffer.concat([
          Buffer.from(line(1, 'x').trimEnd()),
          Buffer.from([0xff, 0xfe, 0, 0x1b, 0x5b, 0x32, 0x4a, 10]),
        ]),
      );
      expect(await texts()).toEqual(['x\ufffd\ufffd\\x00\\x1b[2J']);
    });

    it('in a line of 10 MB cost no memory, and the lines around it are whole', async () => {
      write('a', line(1, 'before'));
      write('a', `${line(2, 'long').trimEnd()} ${'y'.repeat(10 * 1024 * 1024)}\n`);
      write('a', line(3, 'after'));
      const before = process.memoryUsage().rss;
      const entries = await read();
      expect(entries.map(({ text, cut }) => [text.slice(0, 6), text.length, cut])).toEqual([
        ['before', 6, false],
        ['long y', 4_096, true],
        ['after', 5, false],
      ]);
      expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
    });

    it('without any line end are one entry', async () => {
      write('a', Buffer.alloc(1024 * 1024));
      expect(await read()).toMatchObject([{ level: 'error', cut: true }]);
    });
  });

  describe('a follower', () => {
    let gone: AbortController;
    let batches: AsyncGenerator<LogBatch>;

    beforeEach(() => {
      gone = new AbortController();
    });
    afterEach(() => gone.abort());

    const follow = (query: Partial<LogQuery> = {}) => {
      batches = reader.read({ ...ALL, follow: true, ...query }, gone.signal);
    };
    const next = async (): Promise<LogBatch> => (await batches.next()).value as LogBatch;
    const nextTexts = async () => (await next()).entries.map(({ text }) => text);

    /** Until so many entries came or were dropped. */
    async function take(count: number): Promise<{ texts: string[]; dropped: number }> {
      const taken = { texts: [] as string[], dropped: 0 };
      while (taken.texts.length + taken.dropped < count) {
        const { entries, dropped } = await next();
        taken.texts.push(...entries.map(({ text }) => text));
        taken.dropped += dropped;
      }
      return taken;
    }

    it('has the page, then what is written, and no line before it is whole', async () => {
      write('a', line(1, 'one') + line(2, 'two').slice(0, -3));
      follow();
      expect(await nextTexts()).toEqual(['one']);
      const waiting = nextTexts();
      write('a', 'wo\n');
      expect(await waiting).toEqual(['two']);
    });

    it('has each line once, in order, over rotations', async () => {
      write('a', line(0, 'first'));
      follow({ tail: 0 });
      await next();
      const taken = take(1_000);
      for (let i = 0; i < 1_000; i += 1) {
        write('a', line(i, `n ${i}`));
        if (i % 200 === 150) rotate('a');
        // Rotations come far apart: one in 10 s at most.
        if (i % 200 === 199) await new Promise((resolve) => setTimeout(resolve, 300));
      }
      const { texts: found, dropped } = await taken;
      expect(dropped).toBe(0);
      expect(found).toEqual(Array.from({ length: 1_000 }, (_, i) => `n ${i}`));
    });

    it('is told exactly how many passed by while it took nothing', async () => {
      follow({ tail: 0 });
      await next();
      const lines = Array.from({ length: 50_000 }, (_, i) => line(i, `n ${i}`));
      write('a', lines.join(''));
      const { texts: found, dropped } = await take(50_000);
      expect(found.length + dropped).toBe(50_000);
      expect(found).toEqual(Array.from({ length: found.length }, (_, i) => `n ${dropped + i}`));
      expect(found.length).toBeLessThanOrEqual(500);
    });

    it('is told how many of those that it wants passed by', async () => {
      follow({ tail: 0, leastLevel: 'warn' });
      await next();
      const levels = (i: number) => (i % 4 ? 'INFO' : 'WARN');
      write('a', Array.from({ length: 20_000 }, (_, i) => line(i, `n ${i}`, levels(i))).join(''));
      const { texts: found, dropped } = await take(5_000);
      expect([found.length + dropped, found.at(-1)]).toEqual([5_000, 'n 19996']);
    });

    it('hears of a log that is made only later, and of what rotated away', async () => {
      follow({ tail: 0 });
      await next();
      const waiting = nextTexts();
      writeFileSync(file('a'), line(1, 'made'));
      expect(await waiting).toEqual(['made']);
      for (const text of ['lost', 'older', 'newer']) {
        write('a', line(1, text.repeat(100)));
        rotate('a');
      }
      write('a', line(2, 'last'));
      expect((await take(2)).texts.sort()).toEqual([
        expect.stringContaining('rotated away'),
        'last',
      ]);
    });

    it('holds no file, no watch and no timer once it has gone', async () => {
      const before = held();
      write('a', line(1, 'one'));
      follow();
      await next();
      const waiting = batches.next();
      await vi.waitFor(() => expect(held().watches).toBe(before.watches + 1));
      gone.abort();
      expect(await waiting).toEqual({ done: true, value: undefined });
      expect(held()).toEqual(before);
    });
  });
});

/** libuv has one descriptor for all its watches, and keeps it. */
function held(): { files: string[]; watches: number } {
  const descriptors = readdirSync('/proc/self/fd');
  const links = descriptors.flatMap((fd) => {
    try {
      return [[fd, readlinkSync(`/proc/self/fd/${fd}`)] as const];
    } catch {
      return []; // the one that listed them
    }
  });
  const infos = links
    .filter(([, link]) => link.includes('inotify'))
    .map(([fd]) => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  return {
    files: links.map(([, link]) => link).filter((link) => link.startsWith('/tmp/gopher-reader')),
    watches: infos
      .join('')
      .split('\n')
      .filter((text) => text.startsWith('inotify')).length,
  };
}
