import { cacheEntryName, engineCacheDir } from './engine-cache.js';
import { RATHOLE, RATHOLE_FROM_CRATES } from './rathole.js';

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

  it('is built into an entry that is looked for', () => {
    expect(RATHOLE.cacheSources).toContain(RATHOLE_FROM_CRATES.source);
    expect(RATHOLE_FROM_CRATES.args('/r')).not.toContain('--locked');
  });

  it('has an entry in the cache for each version, source and platform', () => {
    expect(cacheEntryName(RATHOLE, 'crates')).toBe(
      `0.5.0-crates-${process.platform}-${process.arch}`,
    );
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
