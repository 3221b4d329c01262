import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { build } from '../src/build.js';
import { EngineMissingError, locateRathole } from '../src/index.js';
import { RATHOLE_RELEASED } from '../src/rathole.js';
import {
  fakeCargo,
  isGone,
  PATCHED,
  RECIPE,
  scratch,
  type Scratch,
  versionScript,
} from './scratch.js';

describe(locateRathole.name, () => {
  let tmp: Scratch;
  beforeEach(async () => {
    tmp = await scratch();
  });
  afterEach(() => tmp[Symbol.asyncDispose]());

  const fill = async (version = PATCHED) => {
    await tmp.script('fake-cargo/cargo', fakeCargo(version));
    const env = { PATH: tmp.path('fake-cargo') };
    const source = version === PATCHED ? RECIPE.source : RATHOLE_RELEASED.source;
    return build({ ...RECIPE, source }, { cacheDir: tmp.path('cache'), env });
  };

  it('takes the setting before everything else', async () => {
    await fill();
    const explicitPath = await tmp.script('mine', versionScript());
    const options = { explicitPath, cacheDir: tmp.path('cache'), searchPath: '' };
    expect(await locateRathole(options)).toEqual({
      path: explicitPath,
      version: '0.5.0',
      source: 'setting',
      warnings: [],
    });
  });

  it.each([
    ['not there', null, /is not there/],
    ['another version', versionScript('0.4.8'), /is version 0\.4\.8, and 0\.5\.0 is needed/],
    ['another program', 'echo hello', /it is not rathole/],
    ['failing', 'exit 3', /code 3/],
    ['flooding', 'while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done', /far more/],
  ])('never looks elsewhere when the setting is %s', async (_, body, problem) => {
    await fill();
    const explicitPath = body === null ? tmp.path('gone') : await tmp.script('mine', body);
    const error = await locateRathole({ explicitPath, cacheDir: tmp.path('cache'), searchPath: '' })
      .then(() => null)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EngineMissingError);
    expect((error as Error).message).toMatch(problem);
    expect((error as Error).message).toContain(explicitPath);
  });

  it('gives up on a program that hangs, with all that it started', async () => {
    const explicitPath = await tmp.script('mine', `sleep 600 & echo $! > ${tmp.path('pid')}; wait`);
    const start = performance.now();
    await expect(locateRathole({ explicitPath, searchPath: '' })).rejects.toThrow(/within 5 s/);
    expect(performance.now() - start).toBeLessThan(8_000);
    const started = Number(await readFile(tmp.path('pid'), 'utf8'));
    await vi.waitUntil(() => isGone(started));
  });

  it('refuses a folder, and a file that may not be executed', async () => {
    await mkdir(tmp.path('folder'));
    await writeFile(tmp.path('file'), 'x', { mode: 0o644 });
    const of = (name: string) => locateRathole({ explicitPath: tmp.path(name), searchPath: '' });
    await expect(of('folder')).rejects.toThrow(/is not a file/);
    await expect(of('file')).rejects.toThrow(/may not be executed/);
  });

  it('takes the cache before PATH', async () => {
    const { path } = await fill();
    await tmp.script('bin/rathole', versionScript());
    const options = { cacheDir: tmp.path('cache'), searchPath: tmp.path('bin') };
    expect(await locateRathole(options)).toEqual({
      path,
      version: PATCHED,
      source: 'cache',
      warnings: [],
    });
  });

  it('takes the one with patches, wherever it is, and a released one where there is no other', async () => {
    const released = await fill('0.5.0');
    const options = { cacheDir: tmp.path('cache'), searchPath: tmp.path('bin') };
    expect(await locateRathole(options)).toEqual(released);
    const path = await tmp.script('bin/rathole', versionScript(PATCHED));
    expect(await locateRathole(options)).toMatchObject({ path, version: PATCHED, source: 'path' });
    const cached = await fill();
    expect(await locateRathole(options)).toEqual(cached);
  });

  it('takes one with fewer patches than it knows before a released one', async () => {
    await fill('0.5.0');
    await tmp.script('fake-cargo/cargo', fakeCargo('0.5.0+gopher.1'));
    const options = { cacheDir: tmp.path('cache'), env: { PATH: tmp.path('fake-cargo') } };
    const older = await build({ ...RECIPE, source: 'gopher.1' }, options);
    expect(await locateRathole({ cacheDir: tmp.path('cache'), searchPath: '' })).toEqual(older);
  });

  it('takes one with more patches than it knows before its own', async () => {
    const path = await tmp.script('bin/rathole', versionScript('0.5.0+gopher.7'));
    await tmp.script('old/rathole', versionScript('0.5.0'));
    const searchPath = `${tmp.path('old')}:${tmp.path('bin')}`;
    expect(await locateRathole({ searchPath })).toMatchObject({ path, version: '0.5.0+gopher.7' });
  });

  it('refuses a cached program that was changed, and says so wherever it goes on', async () => {
    const { path } = await fill();
    await writeFile(path, `#!/bin/sh\n${versionScript()}\n# changed\n`);
    const cacheDir = tmp.path('cache');
    await expect(locateRathole({ cacheDir, searchPath: '' })).rejects.toThrow(
      /refused: .*SHA-256 is not the one recorded/,
    );
    await tmp.script('bin/rathole', versionScript());
    const found = await locateRathole({ cacheDir, searchPath: tmp.path('bin') });
    expect(found).toMatchObject({ source: 'path' });
    expect(found.warnings).toEqual([expect.stringMatching(/refused: .*SHA-256/)]);
  });

  it('passes over another version on PATH, and over a relative folder', async () => {
    await tmp.script('old/rathole', versionScript('0.4.8'));
    const path = await tmp.script('new/rathole', versionScript());
    const searchPath = ['.', 'old', tmp.path('old'), tmp.path('nothing'), tmp.path('new')].join(
      ':',
    );
    expect(await locateRathole({ searchPath })).toMatchObject({ path, source: 'path' });
  });

  it('says what it tried and what to do', async () => {
    await tmp.script('old/rathole', versionScript('0.4.8'));
    const cacheDir = tmp.path('cache');
    const error = await locateRathole({ cacheDir, searchPath: tmp.path('old') }).catch(
      (e: unknown) => e as EngineMissingError,
    );
    expect(error).toMatchObject({
      code: 'engine-missing',
      tried: [
        ...RECIPE.engine.cacheSources.map((source) => ({
          where: expect.stringMatching(`^${cacheDir}.*-${source}-`) as string,
          problem: 'is not there',
        })),
        { where: tmp.path('old', 'rathole'), problem: expect.stringContaining('0.4.8') },
      ],
    });
    expect((error as Error).message).toMatch(
      /npm run rathole[^]*cargo install rathole --version 0\.5\.0/,
    );
  });
});
