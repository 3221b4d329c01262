import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Engine, LocatedEngine } from './engine.js';
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

/** @throws EngineMissingError */
export async function locate(engine: Engine, options: LocateOptions): Promise<LocatedEngine> {
  if (options.explicitPath) return fromSetting(engine, resolve(options.explicitPath));
  const tried: EngineAttempt[] = [];
  const found =
    (await fromCache(engine, options.cacheDir, tried)) ??
    (await fromSearchPath(engine, options.searchPath, tried));
  if (found) return found;
  throw new EngineMissingError(`${engine.name} ${engine.version}`, tried, engine.remedy);
}

async function fromSetting(engine: Engine, path: string): Promise<LocatedEngine> {
  const inspected = await inspect(engine, path);
  if ('version' in inspected) {
    return { path, version: inspected.version, source: 'setting', warnings: [] };
  }
  throw new EngineMissingError(
    `${engine.name} ${engine.version}`,
    [{ where: `${path} (named by a setting)`, problem: inspected.problem }],
    ['Correct the setting, or remove it to have Gopher look for the program:', ...engine.remedy],
  );
}

async function fromCache(
  engine: Engine,
  cacheDir: string | undefined,
  tried: EngineAttempt[],
): Promise<LocatedEngine | null> {
  if (!cacheDir) return null;
  const { name, version } = engine;
  for (const source of engine.cacheSources) {
    const where = cacheEntryDir(cacheDir, engine, source);
    const cached = await readCache(cacheDir, engine, source);
    if (cached && 'path' in cached) {
      return { path: cached.path, version, source: 'cache', warnings: refusedSoFar(tried) };
    }
    const problem = cached ? `refused: ${name} there: ${cached.problem}` : 'is not there';
    tried.push({ where, problem });
  }
  return null;
}

async function fromSearchPath(
  engine: Engine,
  searchPath: string,
  tried: EngineAttempt[],
): Promise<LocatedEngine | null> {
  const warnings = refusedSoFar(tried);
  const folders = [...new Set(searchPath.split(delimiter).filter((dir) => isAbsolute(dir)))];
  let seen = 0;
  for (const path of folders.map((dir) => join(dir, engine.name))) {
    const inspected = await inspect(engine, path);
    if ('version' in inspected) {
      return { path, version: inspected.version, source: 'path', warnings };
    }
    if (inspected.problem === 'is not there') continue;
    seen += 1;
    tried.push({ where: path, problem: inspected.problem });
  }
  if (seen === 0) tried.push({ where: 'PATH', problem: `has no ${engine.name}` });
  return null;
}

function refusedSoFar(tried: readonly EngineAttempt[]): string[] {
  return tried
    .filter(({ problem }) => problem.startsWith('refused'))
    .map(({ where, problem }) => `${where}: ${problem}`);
}
