import { homedir } from 'node:os';
import { engineCacheDir, locateRathole } from '@gopher/engines';

export async function ratholeBinary(): Promise<string> {
  const { GOPHER_RATHOLE, PATH, ...env } = process.env;
  const { path } = await locateRathole({
    ...(GOPHER_RATHOLE === undefined ? {} : { explicitPath: GOPHER_RATHOLE }),
    cacheDir: engineCacheDir({ HOME: homedir(), ...env }),
    searchPath: PATH ?? '',
  });
  return path;
}
