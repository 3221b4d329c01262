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
export { buildRathole, locateRathole, RATHOLE_VERSION } from './rathole.js';
