import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { environmentOf, limitedCommand, reasonOf, workingDirectoryOf } from './command.js';
import { makeExitFifo, openWriteEnd } from './exit-fifo.js';
import { readStat } from './proc.js';
import { ProcessStartError } from './process.errors.js';
import type { ProcessFiles } from './process-files.js';
import type { SupervisorLog } from './supervisor-log.js';
import type { ProcessSpec } from './supervisor.js';

export interface SpawnedChild {
  process: ChildProcess;
  pid: number;
  startTicks: number;
  /** What was executed first: perhaps not yet the program itself. */
  argv: string[];
}

/** Descriptors that the child inherits; null where there is none to be had. */
interface Inherited {
  log: number | null;
  exit: number | null;
}

/** @throws ProcessStartError */
export async function spawnChild(
  spec: ProcessSpec,
  files: ProcessFiles,
  log: SupervisorLog,
): Promise<SpawnedChild> {
  const argv = await limitedCommand(spec);
  const inherited = await openInherited(spec.name, files, log);
  let child: ChildProcess;
  try {
    child = spawnDetached(spec, argv, inherited);
  } catch (error) {
    throw startError(spec, error);
  } finally {
    for (const fd of [inherited.log, inherited.exit]) if (fd !== null) closeSync(fd);
  }
  if (child.pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    throw startError(spec, error);
  }
  // Without a listener an error would end this process.
  child.on('error', (error) => log.warn(`${spec.name}: ${error.message}`));
  // Node has not come back to its loop and can not have reaped it: this is no later process.
  const startTicks = readStat(child.pid)?.startTicks ?? 0;
  return { process: child, pid: child.pid, startTicks, argv };
}

function spawnDetached(spec: ProcessSpec, argv: string[], { log, exit }: Inherited): ChildProcess {
  const [file = spec.file, ...args] = argv;
  const output = log ?? 'ignore';
  return spawn(file, args, {
    detached: true,
    // Files, never pipes: a process that writes to a pipe dies with its reader. The FIFO has to
    // be EXIT_FD.
    stdio: ['ignore', output, output, exit ?? 'ignore'],
    cwd: workingDirectoryOf(spec),
    env: environmentOf(spec),
    ...spec.user,
  });
}

/** A full disk is no reason not to run: what can not be had is done without. */
async function openInherited(
  name: string,
  files: ProcessFiles,
  log: SupervisorLog,
): Promise<Inherited> {
  const orWithout = (what: string, open: () => number): number | null => {
    try {
      return open();
    } catch (error) {
      log.warn(`${name} starts without ${what}: ${reasonOf(error)}`);
      return null;
    }
  };
  await makeExitFifo(files.exit).catch(() => {}); // opening it tells
  return {
    log: orWithout('a log', () => openSync(files.log, 'a', 0o640)),
    exit: orWithout('an exit FIFO', () => openWriteEnd(files.exit)),
  };
}

function startError(spec: ProcessSpec, cause: unknown): ProcessStartError {
  const denied = (cause as NodeJS.ErrnoException).code === 'EPERM' && spec.user;
  const reason = denied ? 'only root can start it as another user' : reasonOf(cause);
  return new ProcessStartError({ name: spec.name, file: spec.file, reason }, { cause });
}
