import { readdir, readFile } from 'node:fs/promises';
import { buildRathole, buildReleasedRathole, locateRathole } from '../src/index.js';
import { PATCHED, scratch } from './scratch.js';

describe.each([
  [buildReleasedRathole, '0.5.0'],
  [buildRathole, PATCHED],
])('%o', (build, version) => {
  it('builds the real one with the real cargo', async () => {
    await using tmp = await scratch();
    const lines: string[] = [];
    const cacheDir = tmp.path('cache');
    const onProgress = (_: number, line: string) => lines.push(line);
    const built = await build({ cacheDir, env: process.env, onProgress });
    expect(lines.filter((line) => line.includes('Compiling')).length).toBeGreaterThan(20);
    expect(await locateRathole({ cacheDir, searchPath: '' })).toEqual(built);
    expect(await tmp.cached()).toHaveLength(1);
    expect(built.version).toBe(version);
  }, 900_000);

  it('ends the compilers when it is aborted, and leaves nothing', async () => {
    await using tmp = await scratch();
    const abort = new AbortController();
    const onProgress = (_: number, line: string) => {
      if (line.includes('Compiling')) abort.abort(new Error('enough'));
    };
    const options = { cacheDir: tmp.path('cache'), env: process.env, signal: abort.signal };
    await expect(build({ ...options, onProgress })).rejects.toThrow('enough');
    expect(await tmp.cached()).toEqual([]);
    expect(await processesIn(tmp.dir)).toEqual([]);
  }, 120_000);
});

async function processesIn(dir: string): Promise<string[]> {
  const lines: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const argv = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (argv.includes(dir)) lines.push(argv);
  }
  return lines;
}
