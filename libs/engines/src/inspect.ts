import { access, constants, stat } from 'node:fs/promises';
import type { Engine } from './engine.js';
import { run } from './run-bounded.js';

const VERSION_TIMEOUT_MS = 5_000;
const VERSION_MAX_CHARS = 16_384;

export type Inspection = { version: string } | { problem: string };

/** Is this file the engine, in the version that fits? Asks the file itself. */
export async function inspect(engine: Engine, path: string): Promise<Inspection> {
  const problem = await notExecutable(path);
  if (problem) return { problem };
  const printed = await versionOutput(engine, path);
  if ('problem' in printed) return printed;
  const version = engine.parseVersion(printed.output);
  if (version === null) return { problem: `does not say a version; it is not ${engine.name}` };
  if (engine.grade(version) === null) {
    return { problem: `is version ${version}, and ${engine.version} is needed` };
  }
  return { version };
}

export async function notExecutable(path: string): Promise<string | null> {
  try {
    if (!(await stat(path)).isFile()) return 'is not a file';
    await access(path, constants.X_OK);
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'is not there';
    return code === 'EACCES' ? 'may not be executed by this user' : message;
  }
}

async function versionOutput(
  { versionArgs }: Engine,
  path: string,
): Promise<{ output: string } | { problem: string }> {
  const tooMuch = new AbortController();
  const timeout = AbortSignal.timeout(VERSION_TIMEOUT_MS);
  let output = '';
  try {
    const { code } = await run(path, versionArgs, {
      env: {},
      cwd: '/',
      signal: AbortSignal.any([timeout, tooMuch.signal]),
      onOutput: (chunk) => {
        output += chunk;
        if (output.length > VERSION_MAX_CHARS) tooMuch.abort();
      },
    });
    return code === 0
      ? { output }
      : { problem: `failed when asked for its version (code ${code})` };
  } catch (error) {
    if (timeout.aborted) return { problem: 'did not say its version within 5 s' };
    if (tooMuch.signal.aborted) return { problem: 'printed far more than a version' };
    return { problem: `can not be started: ${(error as Error).message}` };
  }
}
