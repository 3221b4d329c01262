import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { readOpenFilesLimit } from './proc.js';
import { ProcessStartError } from './process.errors.js';
import type { ProcessSpec, StopOrder } from './supervisor.js';

const DEFAULT_OPEN_FILES = 65_536;
const DEFAULT_STOP: StopOrder = { signal: 'SIGTERM', graceMs: 5_000 };
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

const REASONS: Partial<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  ENOTDIR: 'a part of its path is no directory',
  EPERM: 'operation not permitted',
};

export const commandOf = ({ file, args }: ProcessSpec): string[] => [file, ...args];
export const stopOrderOf = ({ stop }: ProcessSpec): StopOrder => stop ?? DEFAULT_STOP;
export const userOf = ({ user }: ProcessSpec): number => user?.uid ?? process.geteuid?.() ?? 0;
export const workingDirectoryOf = ({ cwd }: ProcessSpec): string => cwd ?? '/';

/** Nothing of our own environment: it holds what is none of a third party's business. */
export const environmentOf = ({ env }: ProcessSpec): Record<string, string> => ({
  PATH: SYSTEM_PATH.join(':'),
  LANG: 'C.UTF-8',
  ...env,
});

export const sameWords = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((word, i) => word === b[i]);

export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? message;
}

/**
 * Finds what can be known before anything is touched, and says it better than exec would.
 * @throws ProcessStartError
 */
export async function checkStartable(spec: ProcessSpec): Promise<void> {
  const fail = (reason: string, cause?: unknown) => {
    throw new ProcessStartError({ name: spec.name, file: spec.file, reason }, { cause });
  };
  if (!isAbsolute(spec.file)) fail('its path is not absolute');
  const file = await stat(spec.file).catch((error: unknown) => fail(reasonOf(error), error));
  if (!file?.isFile()) fail('not a file');
  await access(spec.file, constants.X_OK).catch((e: unknown) => fail('not executable', e));
  const cwd = workingDirectoryOf(spec);
  await access(cwd).catch((e: unknown) => fail(`working directory ${cwd}: ${reasonOf(e)}`, e));
}

/**
 * The command behind util-linux's prlimit, which sets the limit and becomes the program: Node can
 * not set limits. Where it is missing the process starts with ours.
 */
export async function limitedCommand(spec: ProcessSpec): Promise<string[]> {
  const prlimit = await findProgram('prlimit');
  if (prlimit === null) return commandOf(spec);
  // Above our own hard limit it would be refused: the user has been dropped by then.
  const limit = Math.min(spec.openFiles ?? DEFAULT_OPEN_FILES, await readOpenFilesLimit());
  return [prlimit, `--nofile=${limit}:${limit}`, '--', ...commandOf(spec)];
}

async function findProgram(name: string): Promise<string | null> {
  for (const directory of SYSTEM_PATH) {
    const path = join(directory, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}
