import { realpathSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import type { ProcessSpec, RunningProcess } from '@gopher/supervisor';
import type { ClientProcess } from '../state/state-directory.js';

/** rathole ends at once on SIGTERM unless it is frozen, and then only SIGKILL helps. */
const STOP = { signal: 'SIGTERM', graceMs: 2_000 } as const;
const OPEN_FILES = 65_536;

export function clientSpec(name: ClientProcess, rathole: string, file: string): ProcessSpec {
  return {
    name,
    file: rathole,
    args: ['--client', file],
    // Its debug level writes authentication digests.
    env: { RUST_LOG: 'info' },
    openFiles: OPEN_FILES,
    stop: STOP,
    recognises: runsClientOf(file),
  };
}

/**
 * A rathole client that reads that very file, whoever started it and wherever its program lies:
 * a second one with the same services would take them from the first, over and over.
 */
export function runsClientOf(file: string): (candidate: RunningProcess) => boolean {
  return ({ uid, argv, cwd }) => {
    const [program = '', ...args] = argv;
    if (!mayControl(uid) || !basename(program).includes('rathole')) return false;
    if (args.includes('--server') || args.includes('-s')) return false;
    return args.some((arg) => !arg.startsWith('-') && isSameFile(arg, cwd, file));
  };
}

function mayControl(uid: number): boolean {
  const own = process.getuid?.();
  return own === 0 || own === uid;
}

function isSameFile(arg: string, cwd: string | null, file: string): boolean {
  if (cwd === null && !isAbsolute(arg)) return false;
  return realPath(resolve(cwd ?? '/', arg)) === realPath(file);
}

/** A file that is missing right now is still the one that the process was told to read. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
