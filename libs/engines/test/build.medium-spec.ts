import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { cacheEntryDir } from '../src/engine-cache.js';
import { build, type BuildOptions } from '../src/build.js';
import { EngineBuildError, EngineMissingError, locateRathole } from '../src/index.js';
import { identify } from '../src/process-identity.js';
import { fakeCargo, isGone, PATCHED, RECIPE, scratch, type Scratch } from './scratch.js';

describe(build.name, () => {
  let tmp: Scratch;
  let entry: string;
  beforeEach(async () => {
    tmp = await scratch();
    entry = cacheEntryDir(tmp.path('cache'), RECIPE.engine, RECIPE.source);
    await mkdir(dirname(entry), { recursive: true });
  });
  afterEach(() => tmp[Symbol.asyncDispose]());

  const make = (options: Partial<BuildOptions> = {}) =>
    build(RECIPE, {
      cacheDir: tmp.path('cache'),
      env: { PATH: tmp.path('fake-cargo') },
      ...options,
    });
  const cargo = (body: string) => tmp.script('fake-cargo/cargo', body);
  const onlyEntry = () => [entry.slice(dirname(entry).length + 1)];

  /** Resolves once the fake cargo has written this file. */
  const written = async (path: string) => {
    const watcher = watch(dirname(path));
    try {
      while (!existsSync(path)) await once(watcher, 'change');
    } finally {
      watcher.close();
    }
  };

  it('leaves a program in the cache that is found from then on, and nothing beside it', async () => {
    await cargo(fakeCargo());
    const lines: string[] = [];
    const built = await make({ onProgress: (_, line) => lines.push(line) });
    expect(lines).toEqual(['  Installing rathole v0.5.0']);
    expect(built.path).toBe(`${entry}/rathole`);
    expect(await locateRathole({ cacheDir: tmp.path('cache'), searchPath: '' })).toEqual(built);
    expect(await tmp.cached()).toEqual(onlyEntry());
  });

  it('does not build what is there', async () => {
    await cargo(fakeCargo());
    const first = await make();
    await cargo('exit 1');
    expect(await make()).toEqual(first);
  });

  it('replaces a program that was changed', async () => {
    await cargo(fakeCargo());
    const { path } = await make();
    await writeFile(path, 'something else');
    await make();
    expect(await readFile(path, 'utf8')).toContain('Build Version');
    expect(await tmp.cached()).toEqual(onlyEntry());
  });

  it('says what is wrong with a cache that cannot be used', async () => {
    await cargo(fakeCargo());
    await writeFile(tmp.path('file'), '');
    const error = await make({ cacheDir: tmp.path('file') }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EngineBuildError);
    expect((error as Error).message).toMatch(/ENOTDIR|EEXIST/);
  });

  it('says what to install when there is no cargo', async () => {
    const env = { PATH: tmp.path('nothing'), HOME: tmp.path('home') };
    const error = await make({ env }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EngineMissingError);
    expect((error as Error).message).toMatch(/no cargo[^]*rustup/);
    expect(await tmp.cached()).toEqual([]);
  });

  it('finds the cargo of rustup, which is not on the PATH of a service', async () => {
    await tmp.script('home/.cargo/bin/cargo', fakeCargo());
    const env = { PATH: tmp.path('nothing'), HOME: tmp.path('home') };
    expect(await make({ env })).toMatchObject({ version: PATCHED });
  });

  it('shows the end of what cargo printed when it fails', async () => {
    await cargo('i=0; while [ $i -lt 100 ]; do echo "line $i"; i=$((i+1)); done; exit 101');
    const error = await make().catch((e: unknown) => e as EngineBuildError);
    expect(error).toBeInstanceOf(EngineBuildError);
    const { message, lastLines } = error as EngineBuildError;
    expect(message).toContain('code 101');
    expect(lastLines.at(-1)).toBe('line 99');
    expect(lastLines).toHaveLength(40);
    expect(await tmp.cached()).toEqual([]);
  });

  it.each([
    ['nothing', 'exit 0', /is not there/],
    ['another version', fakeCargo('0.4.8'), /is version 0\.4\.8/],
  ])('does not cache it when cargo made %s', async (_, body, problem) => {
    await cargo(body);
    await expect(make()).rejects.toThrow(problem);
    expect(await tmp.cached()).toEqual([]);
  });

  it('ends cargo and its children when it is aborted, and leaves nothing', async () => {
    const pids = tmp.path('pids');
    await cargo(`sleep 600 & echo $$ $! > ${pids}.part; mv ${pids}.part ${pids}; wait`);
    const abort = new AbortController();
    const building = make({ signal: abort.signal });
    building.catch(() => {});
    await written(pids);
    abort.abort(new Error('enough'));
    await expect(building).rejects.toThrow('enough');
    const started = (await readFile(pids, 'utf8')).trim().split(' ').map(Number);
    expect(started).toHaveLength(2);
    for (const pid of started) await vi.waitUntil(() => isGone(pid));
    expect(await tmp.cached()).toEqual([]);
  });

  it('waits for another build, says so, and uses its result', async () => {
    const [ran, go] = [tmp.path('ran'), tmp.path('go')];
    await cargo(
      `echo x >> ${ran}; while [ -e ${ran} ] && [ ! -e ${go} ]; do sleep 0.05; done\n${fakeCargo()}`,
    );
    const first = make();
    await written(ran);
    const waiting = Promise.withResolvers<string>();
    const second = make({ onProgress: (_, line) => waiting.resolve(line) });
    expect(await waiting.promise).toBe(
      `waiting for the build that process ${process.pid} is running`,
    );
    await writeFile(go, '');
    expect(await second).toEqual(await first);
    expect(await readFile(ran, 'utf8')).toBe('x\n');
  });

  it('stops waiting when it is aborted, and leaves the lock to its holder', async () => {
    const lock = `${entry}.lock`;
    const holder = JSON.stringify({ ...(await identify(process.pid)), nonce: 'other' });
    await writeFile(lock, holder);
    const abort = new AbortController();
    const onProgress = () => abort.abort(new Error('enough'));
    await expect(make({ signal: abort.signal, onProgress })).rejects.toThrow();
    expect(await readFile(lock, 'utf8')).toBe(holder);
  });

  it('takes over the lock of a dead process, of a recycled pid, and an unreadable one', async () => {
    const child = spawn('/bin/true', { stdio: 'ignore' });
    await once(child, 'exit');
    const dead = { pid: child.pid, startedAt: 'boot/1', nonce: 'n' };
    const recycled = { pid: process.pid, startedAt: 'boot/1', nonce: 'n' };
    for (const content of [JSON.stringify(dead), JSON.stringify(recycled), '']) {
      await cargo(fakeCargo());
      await writeFile(`${entry}.lock`, content);
      await mkdir(`${entry}.building-left/target`, { recursive: true });
      await expect(make()).resolves.toMatchObject({ path: `${entry}/rathole` });
      await writeFile(`${entry}/rathole`, 'changed, so that the next one builds again');
      expect(await tmp.cached()).toEqual(onlyEntry());
    }
  });
});
