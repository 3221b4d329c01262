import { appendFileSync, mkdtempSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogTail } from './log-tail.js';

describe(LogTail.name, () => {
  let path: string;
  let lines: string[];
  let tail: LogTail;

  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), 'gopher-tail-')), 'data.log');
    lines = [];
    tail = new LogTail(path, { onLine: (line) => lines.push(line) });
  });
  afterEach(() => tail.close());

  it('reads what is there, then what is added, whole lines only', () => {
    writeFileSync(path, 'one\ntw');
    tail.read();
    expect(lines).toEqual(['one']);
    appendFileSync(path, 'o\nthree\n');
    tail.read();
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  it('is told of new lines without being asked', async () => {
    writeFileSync(path, '');
    tail.read();
    appendFileSync(path, 'by itself\n');
    await vi.waitFor(() => expect(lines).toEqual(['by itself']));
  });

  it('goes on after the log was cut, or replaced', () => {
    writeFileSync(path, 'a long first line\n');
    tail.read();
    truncateSync(path);
    tail.read();
    appendFileSync(path, 'cut\n');
    tail.read();
    renameSync(path, `${path}.1`);
    tail.read();
    writeFileSync(path, 'replaced\n');
    tail.read();
    expect(lines).toEqual(['a long first line', 'cut', 'replaced']);
  });

  it('reads no more than the newest MiB of a log that is there already', () => {
    writeFileSync(path, `first\n${'x'.repeat(2 * 1024 * 1024)}\nlast\n`);
    tail.read();
    expect(lines).not.toContain('first');
    expect(lines.at(-1)).toBe('last');
  });
});
