import { setTimeout as delay } from 'node:timers/promises';

export interface Wait {
  timeoutMs: number;
  signal: AbortSignal;
  everyMs?: number;
}

/**
 * For what tells nobody when it happens, like the readiness of another process.
 * Resolves with the first answer that is not null; null when none came in time.
 * @throws the signal's reason
 */
export async function until<T>(
  ask: () => Promise<T | null> | T | null,
  { timeoutMs, signal, everyMs = 50 }: Wait,
): Promise<T | null> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() >= deadline) return null;
    await delay(everyMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** All of them, or the first failure once the others, told by the abort, have ended as well. */
export async function together<T extends readonly unknown[] | []>(
  abort: AbortController,
  tasks: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  try {
    return await Promise.all(tasks);
  } catch (error) {
    abort.abort(error);
    await Promise.allSettled(tasks);
    throw error;
  }
}
