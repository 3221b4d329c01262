import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path';
import { withLock } from './build-lock.js';
import type { EngineRecipe, Environment, LocatedEngine } from './engine.js';
import { cacheEntryDir, readCache, storeInCache } from './engine-cache.js';
import { EngineBuildError, EngineMissingError } from './engine.errors.js';
import { inspect, notExecutable } from './inspect.js';
import { LineTail } from './line-tail.js';
import { run } from './run-bounded.js';

export interface BuildOptions {
  /** See `engineCacheDir`. */
  cacheDir: string;
  /** Of the caller: where the build tool is found, and what it is run with. */
  env: Environment;
  /** One line of the build tool's output, or what is being waited for. */
  onProgress?: (elapsedMs: number, line: string) => void;
  /** Ends the build and everything it started; nothing half-done stays behind. */
  signal?: AbortSignal;
}

type Build = Required<BuildOptions>;

/** For a build that is aborted: time to end what it has started in process groups of its own. */
const GRACE_MS = 3_000;

/**
 * Builds the engine into the cache. When another process builds the same one already, waits for it;
 * when the cache has it, returns that.
 * @throws EngineMissingError without the build tool, EngineBuildError, or the signal's reason
 */
export async function build(recipe: EngineRecipe, options: BuildOptions): Promise<LocatedEngine> {
  try {
    return await buildIntoCache(recipe, options);
  } catch (error) {
    if (!isFileProblem(error)) throw error;
    throw new EngineBuildError(recipe.engine.name, error.message, []);
  }
}

/** A cache that cannot be written, a full disk. */
function isFileProblem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

async function buildIntoCache(recipe: EngineRecipe, options: BuildOptions): Promise<LocatedEngine> {
  const start = performance.now();
  const report = options.onProgress ?? (() => {});
  const whole: Build = {
    ...options,
    onProgress: (_, line) => report(Math.round(performance.now() - start), line),
    signal: options.signal ?? new AbortController().signal,
  };
  const entry = cacheEntryDir(options.cacheDir, recipe.engine, recipe.source);
  await mkdir(dirname(entry), { recursive: true });
  const built = await withLock(
    `${entry}.lock`,
    { signal: whole.signal, onWait: onceForEach((pid) => whole.onProgress(0, waitingFor(pid))) },
    () => cachedOrBuilt(recipe, whole),
  );
  return { ...built, source: 'cache', warnings: [] };
}

async function cachedOrBuilt(
  recipe: EngineRecipe,
  options: Build,
): Promise<{ path: string; version: string }> {
  const { engine, source } = recipe;
  const cached = await readCache(options.cacheDir, engine, source);
  if (cached && 'path' in cached) return cached;
  const tool = await findTool(recipe, options.env);
  const entry = cacheEntryDir(options.cacheDir, engine, source);
  await removeLeftovers(entry);
  const root = await mkdtemp(`${entry}.building-`);
  try {
    await runTool(recipe, tool, root, options);
    const product = recipe.product(root);
    const inspected = await inspect(engine, product);
    if ('problem' in inspected) {
      throw new EngineBuildError(engine.name, `what was built ${inspected.problem}`, []);
    }
    const { version } = inspected;
    const path = await storeInCache(options.cacheDir, engine, source, { file: product, version });
    return { path, version };
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function runTool(
  recipe: EngineRecipe,
  tool: string,
  root: string,
  { env, signal, onProgress }: Build,
): Promise<void> {
  const tail = new LineTail((line) => onProgress(0, line));
  const [program, ...args] = recipe.command(root);
  const { code, signal: killedBy } = await run(program, args, {
    // First, so that what the program starts finds the one that was found.
    env: { ...env, PATH: [dirname(tool), env.PATH].join(delimiter), ...recipe.env(root) },
    cwd: root,
    signal,
    graceMs: GRACE_MS,
    onOutput: (chunk) => tail.push(chunk),
  });
  const lines = tail.end();
  if (code === 0) return;
  const reason = `the build ended with ${killedBy ?? `code ${code}`}`;
  throw new EngineBuildError(recipe.engine.name, reason, lines);
}

async function findTool(recipe: EngineRecipe, env: Environment): Promise<string> {
  const dirs = [...(env.PATH ?? '').split(delimiter), ...recipe.toolDirs(env)];
  for (const dir of dirs.filter((d) => isAbsolute(d))) {
    const candidate = join(dir, recipe.tool);
    if ((await notExecutable(candidate)) === null) return candidate;
  }
  const tried = [{ where: 'PATH', problem: `has no ${recipe.tool} to build it with` }];
  throw new EngineMissingError(recipe.what, tried, recipe.toolRemedy);
}

/** What a killed build left behind; we hold the lock, so nobody is at work there. */
async function removeLeftovers(entry: string): Promise<void> {
  const prefixes = [`${basename(entry)}.building-`, `${basename(entry)}.staging-`];
  for (const name of await readdir(dirname(entry))) {
    if (!prefixes.some((prefix) => name.startsWith(prefix))) continue;
    await rm(join(dirname(entry), name), { recursive: true, force: true, maxRetries: 3 });
  }
}

const waitingFor = (pid: number) => `waiting for the build that process ${pid} is running`;

function onceForEach(call: (pid: number) => void): (pid: number) => void {
  let last: number | undefined;
  return (pid) => {
    if (pid !== last) call(pid);
    last = pid;
  };
}
