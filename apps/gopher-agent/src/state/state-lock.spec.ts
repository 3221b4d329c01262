import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StateInUseError } from '../agent.errors.js';
import { bootId, procStat } from '../host/proc.js';
import { StateLock } from './state-lock.js';

describe(StateLock.name, () => {
  let path: string;
  const me = () => ({
    pid: process.pid,
    startTicks: procStat(process.pid)?.startTicks ?? '',
    bootId: bootId(),
  });

  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'gopher-lock-')), 'run.lock');
  });

  it('is held by one, who is named to the others', async () => {
    const lock = await StateLock.acquire(path);
    const second = StateLock.acquire(path);
    await expect(second).rejects.toThrow(StateInUseError);
    await expect(second).rejects.toThrow(`process ${process.pid}`);
    await lock.release();
    await expect(StateLock.acquire(path)).resolves.toBeInstanceOf(StateLock);
  });

  it.each([
    ['a process that is gone', () => ({ ...me(), pid: 2 ** 22 + 1 })],
    ['another process of the same number', () => ({ ...me(), startTicks: '1' })],
    ['a boot before this one', () => ({ ...me(), bootId: 'another' })],
    ['nobody knows whom', () => 'damaged'],
  ])('is taken over from %s', async (_who, holder) => {
    await writeFile(path, JSON.stringify(holder()));
    await StateLock.acquire(path);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(me());
  });

  it('is had by exactly one of many who come at once, over a stale one too', async () => {
    await writeFile(path, JSON.stringify({ ...me(), startTicks: '1' }));
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => StateLock.acquire(path)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
