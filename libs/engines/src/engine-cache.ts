import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { Engine, Environment } from './engine.js';
import { notExecutable } from './inspect.js';

const RECORD = 'engine.json';
const record = z.strictObject({
  name: z.string(),
  version: z.string(),
  source: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export type CacheLookup = { path: string; version: string } | { problem: string } | null;

/** `$XDG_CACHE_HOME/gopher/engines`, or the same below `~/.cache`. */
export function engineCacheDir(env: Environment): string {
  const base = env.XDG_CACHE_HOME;
  // The XDG rule: a relative path there is to be ignored.
  if (base && isAbsolute(base)) return join(base, 'gopher', 'engines');
  return join(env.HOME || homedir(), '.cache', 'gopher', 'engines');
}

export function cacheEntryName(engine: Engine, source: string): string {
  return `${engine.version}-${source}-${process.platform}-${process.arch}`;
}

export function cacheEntryDir(cacheDir: string, engine: Engine, source: string): string {
  return join(cacheDir, engine.name, cacheEntryName(engine, source));
}

/** The program of one entry, if its bytes are those that were recorded; null: no such entry. */
export async function readCache(
  cacheDir: string,
  engine: Engine,
  source: string,
): Promise<CacheLookup> {
  const dir = cacheEntryDir(cacheDir, engine, source);
  const text = await readFile(join(dir, RECORD), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const path = join(dir, engine.name);
  const recorded = record.safeParse(parseJson(text));
  if (!recorded.success) return { problem: 'its record can not be read' };
  if (engine.grade(recorded.data.version) === null) {
    return { problem: `is version ${recorded.data.version}, and ${engine.version} is needed` };
  }
  const unusable = await notExecutable(path);
  if (unusable) return { problem: unusable };
  if ((await sha256OfFile(path)) !== recorded.data.sha256) {
    return { problem: 'its SHA-256 is not the one recorded when it was built; it was changed' };
  }
  return { path, version: recorded.data.version };
}

/** Takes a file over as the entry, whole or not at all. The caller holds the entry's lock. */
export async function storeInCache(
  cacheDir: string,
  engine: Engine,
  source: string,
  built: { file: string; version: string },
): Promise<string> {
  const dir = cacheEntryDir(cacheDir, engine, source);
  const staging = await mkdtemp(`${dir}.staging-`);
  try {
    const program = join(staging, 'entry', engine.name);
    await mkdir(join(staging, 'entry'));
    await rename(built.file, program);
    await chmod(program, 0o755);
    await flush(program);
    const sha256 = await sha256OfFile(program);
    const content = { name: engine.name, version: built.version, source, sha256 };
    const recordPath = join(staging, 'entry', RECORD);
    await writeFile(recordPath, `${JSON.stringify(content)}\n`, { flush: true });
    // rename() does not replace a directory that has content: a damaged entry is moved away first.
    await rename(dir, join(staging, 'replaced')).catch(ignoreMissing);
    await rename(join(staging, 'entry'), dir);
    return join(dir, engine.name);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function flush(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
