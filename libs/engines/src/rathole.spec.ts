import { cacheEntryName, engineCacheDir } from './engine-cache.js';
import { readFileSync } from 'node:fs';
import { RATHOLE, RATHOLE_PATCHED, RATHOLE_RELEASED } from './rathole.js';
import { PATCH_LEVEL, ratholeHas, ratholeLacks } from './rathole-patches.js';

const PRINTED = `rathole 

Build Timestamp:     2026-11-23T08:21:35.648776996Z
Build Version:       0.5.0
Commit SHA:          None
`;

describe('rathole', () => {
  it('has its version on one line of several', () => {
    expect(RATHOLE.parseVersion(PRINTED)).toBe('0.5.0');
    expect(RATHOLE.parseVersion('rathole 0.5.0\n')).toBeNull();
    expect(RATHOLE.parseVersion('')).toBeNull();
  });

  it('is taken in the release that fits, better with patches', () => {
    expect(RATHOLE.grade('0.5.0')).toBe(0);
    expect(RATHOLE.grade('0.5.0+gopher.1')).toBe(1);
    expect(RATHOLE.grade('0.5.0+other')).toBe(0);
    expect(RATHOLE.grade('0.5.1+gopher.1')).toBeNull();
  });

  it('is built into an entry that is looked for, the one with patches first', () => {
    const sources = [RATHOLE_PATCHED.source, RATHOLE_RELEASED.source];
    expect([RATHOLE.cacheSources[0], RATHOLE.cacheSources.at(-1)]).toEqual(sources);
    expect(RATHOLE.cacheSources).toContain('gopher.1');
    expect(new Set(sources).size).toBe(2);
    expect(RATHOLE_RELEASED.command('/r').join(' ')).toMatch(/--out \/r\/bin --only none$/);
    expect(RATHOLE_PATCHED.command('/r').join(' ')).toMatch(/build\.mjs --out \/r\/bin$/);
  });

  it('has the patch level that its patches say', () => {
    const patch = new URL('../../../engines/rathole/patches/0007-version.patch', import.meta.url);
    expect(readFileSync(patch, 'utf8')).toContain(`"gopher.${PATCH_LEVEL}"`);
  });

  it('has an entry in the cache for each version, source and platform', () => {
    expect(cacheEntryName(RATHOLE, 'crates')).toBe(
      `0.5.0-crates-${process.platform}-${process.arch}`,
    );
  });
});

describe(ratholeLacks.name, () => {
  it('names all of a side for a released one, and nothing for one with every patch', () => {
    const ids = (version: string, side: 'server' | 'client') =>
      ratholeLacks(version, side).map(({ id }) => id);
    expect(ids('0.5.0', 'server')).toHaveLength(7);
    expect(ids('0.5.0', 'client')).toEqual([
      'handshake-task',
      'restart-retry',
      'nodelay',
      'udp-datagrams',
    ]);
    expect(ids(`0.5.0+gopher.${PATCH_LEVEL}`, 'server')).toEqual([]);
    expect(ratholeHas('0.5.0', 'revocation')).toBe(false);
    expect(ratholeHas('0.5.0+gopher.1', 'revocation')).toBe(true);
    expect(ids('0.5.0+gopher.1', 'server')).toEqual(['dead-pooled-channel']);
  });
});

describe(engineCacheDir.name, () => {
  it.each([
    [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/gopher/engines'],
    [{ HOME: '/h' }, '/h/.cache/gopher/engines'],
    [{ XDG_CACHE_HOME: 'not/absolute', HOME: '/h' }, '/h/.cache/gopher/engines'],
    [{ XDG_CACHE_HOME: '', HOME: '/h' }, '/h/.cache/gopher/engines'],
  ])('of %j is %s', (env, expected) => {
    expect(engineCacheDir(env)).toBe(expected);
  });
});
