import {
  buildRathole,
  EngineBuildError,
  engineCacheDir,
  EngineMissingError,
  type LocatedEngine,
  isWhollyPatched,
  locateRathole,
  RATHOLE_VERSION,
} from '@gopher/engines';
import type { TrialConfig } from '../config/trial.config.js';
import type { Progress } from '../console/progress.js';

const BY_HAND = [
  'What to do:',
  `  Put right what it says, or get rathole ${RATHOLE_VERSION} another way and put it on PATH, or name it`,
  '  in GOPHER_RATHOLE. Then start again.',
];

export type Rathole = { engine: LocatedEngine } | { problem: string };

/** Looks for the best there is. */
export async function findRathole({ rathole, environment }: TrialConfig): Promise<Rathole> {
  try {
    const engine = await locateRathole({
      ...(rathole === undefined ? {} : { explicitPath: rathole }),
      cacheDir: engineCacheDir(environment),
      searchPath: environment['PATH'] ?? '',
    });
    return { engine };
  } catch (error) {
    return problemOf(error);
  }
}

/**
 * Looks for one with all of Gopher's patches, and builds it where there is none, unless a person said which
 * one to use. Where it cannot be built, one with fewer or none does.
 */
export async function getRathole(
  config: TrialConfig,
  progress: Progress,
  signal: AbortSignal,
): Promise<Rathole> {
  const found = await findRathole(config);
  if (config.rathole !== undefined || isPatched(found)) return found;
  try {
    const engine = await progress.step(
      `Building rathole ${RATHOLE_VERSION} with Gopher's patches, about two minutes`,
      (say) => build(config, say, signal),
      ({ version }) => `rathole ${version} built`,
    );
    return { engine };
  } catch (error) {
    signal.throwIfAborted();
    const { problem } = problemOf(error);
    if ('problem' in found) return { problem };
    const { path, version } = found.engine;
    progress.line(
      `${problem}\nGoing on with rathole ${version}, ${path}: it lacks what /api/v1/edge lists`,
    );
    return found;
  }
}

const isPatched = (found: Rathole): boolean =>
  'engine' in found && isWhollyPatched(found.engine.version);

function build({ environment }: TrialConfig, say: (text: string) => void, signal: AbortSignal) {
  return buildRathole({
    cacheDir: engineCacheDir(environment),
    env: { ...environment, RUST_BACKTRACE: '0' },
    onProgress: (_, line) => say(line.trim()),
    signal,
  });
}

function problemOf(error: unknown): { problem: string } {
  if (error instanceof EngineMissingError) return { problem: error.message };
  if (!(error instanceof EngineBuildError)) throw error;
  return { problem: [error.message, ...BY_HAND].join('\n') };
}
