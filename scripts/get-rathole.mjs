// Prints where rathole is; builds it first where it is nowhere to be found. Runs under Node 24.
import {
  buildRathole,
  EngineMissingError,
  engineCacheDir,
  locateRathole,
} from '../libs/engines/dist/index.js';

const { env } = process;
const cacheDir = engineCacheDir(env);
try {
  const where = { cacheDir, searchPath: env.PATH ?? '' };
  if (env.GOPHER_RATHOLE) where.explicitPath = env.GOPHER_RATHOLE;
  const found = await locateRathole(where).catch((error) => {
    if (!(error instanceof EngineMissingError) || env.GOPHER_RATHOLE) throw error;
    return buildRathole({ cacheDir, env });
  });
  console.log(found.path);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
