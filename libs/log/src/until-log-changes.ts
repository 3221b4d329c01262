import { type FSWatcher, watch } from 'node:fs';

/** For what the kernel does not tell of: a log that is not there yet, or lies on another machine. */
const LOOK_EVERY_MS = 2_000;

/**
 * Resolves when the log was written to, cut or moved, when it has to be looked at again in any case, or
 * when `signal` aborts. Holds nothing from then on.
 * @param isChanged asked once the kernel watches, for what was written before
 */
export async function untilLogChanges(
  path: string,
  isChanged: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const changed = Promise.withResolvers<void>();
  const done = () => changed.resolve();
  const timer = setTimeout(done, LOOK_EVERY_MS);
  signal.addEventListener('abort', done, { once: true });
  const watcher = watchLog(path, done);
  try {
    if (isChanged()) return;
    await changed.promise;
  } finally {
    watcher?.close();
    signal.removeEventListener('abort', done);
    clearTimeout(timer);
  }
}

/** null: it is not there, or the kernel has no more watches to give. */
function watchLog(path: string, onEvent: () => void): FSWatcher | null {
  try {
    return watch(path, onEvent).on('error', onEvent);
  } catch {
    return null;
  }
}
