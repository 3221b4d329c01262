import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Engine, EngineOrigin, LocatedEngine } from './engine.js';
import { cacheEntryDir, readCache } from './engine-cache.js';
import { EngineMissingError, type EngineAttempt } from './engine.errors.js';
import { inspect } from './inspect.js';

export interface LocateOptions {
  /** A person's setting. When given, it is this one or an error: nothing else is looked at. */
  explicitPath?: string;
  /** See `engineCacheDir`. Without it no cache is looked at. */
  cacheDir?: string;
  /** The value of PATH. */
  searchPath: string;
}

type Candidate = Omit<LocatedEngine, 'warnings'>;

/**
 * The best of what is there; of two that are as good, the cached one, then the first on PATH.
 * @throws EngineMissingError
 */
export async function locate(engine: Engine, options: LocateOptions): Promise<LocatedEngine> {
  if (options.explicitPath) return fromSetting(engine, resolve(options.explicitPath));
  const tried: EngineAttempt[] = [];
  let best: Candidate | null = null;
  for await (const found of candidates(engine, options, tried)) {
    if (best === null || gradeOf(engine, found) > gradeOf(engine, best)) best = found;
    if (gradeOf(engine, best) >= engine.bestGrade) break;
  }
  if (best) return { ...best, warnings: refused(tried) };
  throw new EngineMissingError(`${engine.name} ${engine.version}`, tried, engine.remedy);
}

async function* candidates(
  engine: Engine,
  { cacheDir, searchPath }: LocateOptions,
  tried: EngineAttempt[],
): AsyncGenerator<Candidate> {
  if (cacheDir) yield* inCache(engine, cacheDir, tried);
  yield* onSearchPath(engine, searchPath, tried);
}

async function fromSetting(engine: Engine, path: string): Promise<LocatedEngine> {
  const inspected = await inspect(engine, path);
  if ('version' in inspected) return { ...usable(path, inspected, 'setting'), warnings: [] };
  throw new EngineMissingError(
    `${engine.name} ${engine.version}`,
    [{ where: `${path} (named by a setting)`, problem: inspected.problem }],
    ['Correct the setting, or remove it to have Gopher look for the program:', ...engine.remedy],
  );
}

async function* inCache(
  engine: Engine,
  cacheDir: string,
  tried: EngineAttempt[],
): AsyncGenerator<Candidate> {
  for (const source of engine.cacheSources) {
    const where = cacheEntryDir(cacheDir, engine, source);
    const cached = await readCache(cacheDir, engine, source);
    if (cached && 'path' in cached) {
      yield usable(cached.path, cached, 'cache');
    } else {
      const problem = cached ? `refused: ${engine.name} there: ${cached.problem}` : 'is not there';
      tried.push({ where, problem });
    }
  }
}

async function* onSearchPath(
  engine: Engine,
  searchPath: string,
  tried: EngineAttempt[],
): AsyncGenerator<Candidate> {
  const folders = [...new Set(searchPath.split(delimiter).filter((dir) => isAbsolute(dir)))];
  let seen = 0;
  for (const path of folders.map((dir) => join(dir, engine.name))) {
    const inspected = await inspect(engine, path);
    if ('problem' in inspected && inspected.problem === 'is not there') continue;
    seen += 1;
    if ('version' in inspected) yield usable(path, inspected, 'path');
    else tried.push({ where: path, problem: inspected.problem });
  }
  if (seen === 0) tried.push({ where: 'PATH', problem: `has no ${engine.name}` });
}

const usable = (path: string, { version }: { version: string }, source: EngineOrigin) => ({
  path,
  version,
  source,
});

const gradeOf = (engine: Engine, { version }: Candidate): number => engine.grade(version) ?? -1;

function refused(tried: readonly EngineAttempt[]): string[] {
  return tried
    .filter(({ problem }) => problem.startsWith('refused'))
    .map(({ where, problem }) => `${where}: ${problem}`);
}
