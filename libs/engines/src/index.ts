export type { BuildOptions } from './build.js';
export { engineCacheDir } from './engine-cache.js';
export {
  ENGINE_ORIGINS,
  type EngineOrigin,
  type Environment,
  type LocatedEngine,
} from './engine.js';
export { EngineBuildError, EngineMissingError, type EngineAttempt } from './engine.errors.js';
export type { LocateOptions } from './locate.js';
export {
  buildRathole,
  buildReleasedRathole,
  locateRathole,
  RATHOLE_VERSION,
  runningRatholeVersion,
} from './rathole.js';
export {
  isWhollyPatched,
  patchLevelOf,
  type RatholeCapability,
  type RatholeCapabilityId,
  ratholeHas,
  ratholeLacks,
} from './rathole-patches.js';
