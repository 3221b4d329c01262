import { reasonOf } from './command.js';
import type { ExitWatch } from './exit-watch.js';
import type { PidRecord } from './pid-record.js';
import { isAlive } from './proc.js';
import { ProcessStopError } from './process.errors.js';
import type { Supervised } from './supervision.js';
import type { StopOrder } from './supervisor.js';

const CHECK_MS = 100;
/** SIGKILL takes effect at once, unless the process hangs in the kernel. */
const KILL_MS = 10_000;

/** Resolves once it is gone. @throws ProcessStopError */
export async function endProcess(
  name: string,
  { record, watch }: Supervised,
  { signal, graceMs }: StopOrder,
): Promise<void> {
  try {
    sendSignal(record, record.pid, signal);
    // One that was frozen has to wake up to hear it.
    sendSignal(record, record.pid, 'SIGCONT');
    if (await endsWithin(watch, graceMs)) return;
    sendSignal(record, record.ownGroup ? -record.pid : record.pid, 'SIGKILL');
  } catch (cause) {
    throw new ProcessStopError(name, record.pid, reasonOf(cause), { cause });
  }
  if (await endsWithin(watch, KILL_MS)) return;
  throw new ProcessStopError(name, record.pid, `it survived SIGKILL for ${KILL_MS / 1_000} s`);
}

/** Signals the process or its group unless it is gone: never what came to its pid later. */
function sendSignal(record: PidRecord, target: number, signal: NodeJS.Signals): void {
  // Synchronous up to the call, so that as little as possible can happen in between.
  if (!isAlive(record)) return;
  try {
    process.kill(target, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Keeps Node alive meanwhile, which the watch does not. */
async function endsWithin(watch: ExitWatch, ms: number): Promise<boolean> {
  // No event comes as long as a grandchild holds the FIFO, too.
  const checks = setInterval(() => watch.check(), CHECK_MS);
  const { promise: timedOut, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([watch.exited.then(() => true), timedOut]);
  } finally {
    clearInterval(checks);
    clearTimeout(timer);
  }
}
