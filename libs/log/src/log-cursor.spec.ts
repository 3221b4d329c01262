import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogCursor } from './log-cursor.js';

describe(LogCursor.name, () => {
  let path: string;
  let cursor: LogCursor;
  let number: number;

  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), 'gopher-cursor-')), 'data.log');
    number = 0;
    writeFileSync(path, '');
    cursor = new LogCursor(path, { isOlder: false, offset: 0 });
  });

  /** So many lines more, each with the next number. */
  const write = (count: number) => {
    let text = '';
    for (const end = number + count; number < end; number += 1) text += `line ${number}\n`;
    appendFileSync(path, text);
  };

  /** As the supervisor does: what holds the log open goes on writing into it. */
  const rotate = () => {
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
  };

  const read = (): string => {
    let text = '';
    for (let chunk = cursor.read(); chunk; chunk = cursor.read()) text += String(chunk.bytes);
    return text;
  };

  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join('');

  it('goes on in the copy, then in the log, when it was rotated with something unread', () => {
    write(100);
    expect(read()).toBe(lines(0, 100));
    write(50);
    rotate();
    write(3);
    expect(read()).toBe(lines(100, 153));
  });

  it('sees a rotation after which the log grew longer than it was', () => {
    write(10);
    expect(read()).toBe(lines(0, 10));
    rotate();
    write(1_000);
    expect(read()).toBe(lines(10, 1_010));
  });

  it('finds its place in a copy of the newest part alone', () => {
    write(5_000);
    expect(read()).toBe(lines(0, 5_000));
    write(10);
    writeFileSync(`${path}.1`, lines(4_000, 5_010));
    truncateSync(path);
    write(10);
    expect(read()).toBe(lines(5_000, 5_020));
  });

  it('reads nothing twice while the copy is being made', () => {
    write(100);
    expect(read()).toBe(lines(0, 100));
    copyFileSync(path, `${path}.1`);
    expect(read()).toBe('');
    write(1);
    expect(read()).toBe(lines(100, 101));
  });

  it('reads what was never read of a log that was rotated before the first look', () => {
    write(20);
    rotate();
    write(5);
    expect(read()).toBe(lines(0, 25));
  });

  it('goes on in a log that was moved away, then in the new one', () => {
    write(100);
    read();
    write(1);
    renameSync(path, `${path}.1`);
    expect(read()).toBe(lines(100, 101));
    writeFileSync(path, '');
    write(2);
    expect(read()).toBe(lines(101, 103));
  });

  it('says that something was lost when two rotations passed by, and goes on', () => {
    write(100);
    read();
    write(100);
    rotate();
    write(100);
    rotate();
    write(7);
    expect(cursor.takeLoss()).toBe(false);
    expect(read()).toBe(lines(300, 307));
    expect([cursor.takeLoss(), cursor.takeLoss()]).toEqual([true, false]);
  });

  it('begins anew in a log that was emptied by hand', () => {
    write(100);
    read();
    truncateSync(path);
    write(2);
    expect(read()).toBe(lines(100, 102));
  });

  it('knows how much is ahead, over a rotation as well', () => {
    write(10);
    read();
    write(10);
    rotate();
    write(10);
    expect(cursor.pending()).toBe(lines(10, 30).length);
    cursor.skip(lines(10, 25).length);
    expect(read()).toBe(lines(25, 30));
  });
});
