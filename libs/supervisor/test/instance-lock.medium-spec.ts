import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InstanceLock, InstanceLockedError } from '../src/index.js';

describe(InstanceLock.name, () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gopher-lock-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('refuses a second holder and says who the first is', async () => {
    const first = await InstanceLock.acquire(directory);
    const second = InstanceLock.acquire(directory);
    await expect(second).rejects.toThrow(InstanceLockedError);
    await expect(second).rejects.toThrow(`process ${process.pid}`);
    expect(await InstanceLock.holder(directory)).toMatchObject({ pid: process.pid });
    first.release();
    expect(await InstanceLock.holder(directory)).toBeNull();
  });

  it('can be had again once it was released', async () => {
    (await InstanceLock.acquire(directory)).release();
    (await InstanceLock.acquire(directory)).release();
  });

  it('is free the moment its holder was killed', async () => {
    const file = join(directory, 'instance.lock');
    const holder = spawn('flock', [file, 'sleep', '60'], { detached: true });
    await once(holder, 'spawn');
    const held = () => InstanceLock.acquire(directory).then((lock) => lock.release());
    // flock needs a moment to take it.
    await vi.waitFor(() => expect(held()).rejects.toThrow(InstanceLockedError));
    process.kill(-holder.pid!, 'SIGKILL');
    await once(holder, 'exit');
    await vi.waitFor(() => expect(held()).resolves.toBeUndefined());
  });

  it('is one of several in a directory', async () => {
    const locks = [
      await InstanceLock.acquire(directory, 'run'),
      await InstanceLock.acquire(directory, 'enrol'),
    ];
    expect(await InstanceLock.holder(directory)).toBeNull();
    for (const lock of locks) lock.release();
  });

  it('goes to exactly one of many who come at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const tries = Array.from({ length: 10 }, () => InstanceLock.acquire(directory));
      const outcomes = await Promise.allSettled(tries);
      const held = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      expect(held).toHaveLength(1);
      held[0]!.value.release();
    }
  });
});
