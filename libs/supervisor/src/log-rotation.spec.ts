import { appendFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLogTail, rotateLog } from './log-rotation.js';

let directory: string;
let log: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gopher-log-'));
  log = join(directory, 'x.log');
});
afterEach(() => rm(directory, { recursive: true }));

describe(rotateLog.name, () => {
  it('leaves a log alone that is not above the cap, or not there', async () => {
    await rotateLog(log, 4);
    await writeFile(log, 'abcd');
    await rotateLog(log, 4);
    expect(await readFile(log, 'utf8')).toBe('abcd');
    await expect(readFile(`${log}.1`)).rejects.toThrow('ENOENT');
  });

  it('keeps the newest lines, up to the cap, in place of the older copy', async () => {
    await writeFile(`${log}.1`, 'old and long'.repeat(100_000));
    const text = Array.from({ length: 40_000 }, (_, i) => `line ${i}\n`).join('');
    await writeFile(log, text);
    await rotateLog(log, 200_000);
    expect(await readFile(log, 'utf8')).toBe('');
    expect(await readFile(`${log}.1`, 'utf8')).toBe(
      text.slice(text.indexOf('\n', text.length - 200_000) + 1),
    );
  });

  it('loses nothing of what is written while it copies', async () => {
    const writer = await open(log, 'a');
    const early = Array.from({ length: 40_000 }, (_, i) => `line ${i}\n`).join('');
    await writer.write(early);
    let late = '';
    const state = { isRotated: false };
    const rotation = rotateLog(log, early.length - 1).then(() => (state.isRotated = true));
    for (let i = 0; !state.isRotated; i += 1) {
      late += `late ${i}\n`;
      await writer.write(`late ${i}\n`);
    }
    await rotation;
    await writer.close();
    const kept = (await readFile(`${log}.1`, 'utf8')) + (await readFile(log, 'utf8'));
    expect(kept.slice(-late.length)).toBe(late);
  });

  it('empties the log even when the copy fails', async () => {
    await writeFile(log, 'abcde');
    await mkdir(`${log}.1`);
    await expect(rotateLog(log, 4)).rejects.toThrow('EISDIR');
    expect(await readFile(log, 'utf8')).toBe('');
  });
});

describe(readLogTail.name, () => {
  it('has the last lines, and only what was written since', async () => {
    await writeFile(log, 'before\n');
    expect(await readLogTail(log, 7)).toBe('');
    await appendFile(log, Array.from({ length: 12 }, (_, i) => `${i}\n`).join(''));
    expect(await readLogTail(log, 7, 3)).toBe('9\n10\n11');
    expect((await readLogTail(log, 7)).split('\n')).toHaveLength(10);
    expect((await readLogTail(log, 7, 99)).startsWith('0\n1\n')).toBe(true);
  });

  it('has nothing where there is no log', async () => {
    expect(await readLogTail(log, 0)).toBe('');
  });
});
