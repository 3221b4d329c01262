import type { RunningProcess } from '@gopher/supervisor';
import { procCommand, procLink, processIds, procOwner } from '@gopher/host';

export type Recognises = (candidate: RunningProcess) => boolean;

/** Whoever started them. */
export function findProcesses(recognises: Recognises): number[] {
  return processIds().filter((pid) =>
    recognises({
      pid,
      uid: procOwner(pid),
      argv: procCommand(pid),
      cwd: procLink(`${pid}/cwd`),
    }),
  );
}

/** For those that no pid file tells of, and that have nothing to finish. */
export function killProcesses(recognises: Recognises): void {
  for (const pid of findProcesses(recognises)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It has just ended by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
