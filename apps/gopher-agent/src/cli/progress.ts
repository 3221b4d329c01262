const QUIET_MS = 2_000;
const TICK_MS = 1_000;

/** Says on stderr that something still goes on, once it takes longer than two seconds. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const tick = () => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    if (seconds * 1000 >= QUIET_MS) process.stderr.write(`${what} … ${seconds} s\n`);
  };
  const timer = setInterval(tick, TICK_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
