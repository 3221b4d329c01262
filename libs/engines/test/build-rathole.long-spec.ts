import { locateRathole, buildRathole } from '../src/index.js';
import { scratch } from './scratch.js';

describe(buildRathole.name, () => {
  it('builds the real one with the real cargo', async () => {
    await using tmp = await scratch();
    const lines: string[] = [];
    const cacheDir = tmp.path('cache');
    const onProgress = (_: number, line: string) => lines.push(line);
    const built = await buildRathole({ cacheDir, env: process.env, onProgress });
    expect(lines.filter((line) => line.includes('Compiling')).length).toBeGreaterThan(20);
    expect(await locateRathole({ cacheDir, searchPath: '' })).toEqual(built);
    expect(await tmp.cached()).toHaveLength(1);
    const mine = await locateRathole({ explicitPath: built.path, searchPath: '' });
    expect(mine.version).toBe('0.5.0');
  }, 900_000);
});
