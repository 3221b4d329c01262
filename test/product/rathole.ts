import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { engineCacheDir, locateRathole } from '@gopher/engines';

/** The one that Gopher prefers, unless GOPHER_RATHOLE names another. */
export async function ratholePath(): Promise<string> {
  const { GOPHER_RATHOLE, PATH } = process.env;
  const { path } = await locateRathole({
    ...(GOPHER_RATHOLE === undefined ? {} : { explicitPath: GOPHER_RATHOLE }),
    cacheDir: cacheDir(),
    searchPath: PATH ?? '',
  });
  return path;
}

/** One without Gopher's patches; null where there is none. `npm test` provides it. */
export function releasedRathole(): string | null {
  const { GOPHER_RATHOLE_RELEASED } = process.env;
  if (GOPHER_RATHOLE_RELEASED) return GOPHER_RATHOLE_RELEASED;
  const entry = `0.5.0-crates-${process.platform}-${process.arch}`;
  const cached = join(cacheDir(), 'rathole', entry, 'rathole');
  return existsSync(cached) ? cached : null;
}

const cacheDir = () => engineCacheDir({ HOME: homedir(), ...process.env });
