/** How often a condition that gives no event of its own is looked at. */
const LOOK_MS = 20;

/**
 * Looks until `condition` gives something, and returns it.
 * @throws with the last problem when it does not come about within `timeoutMs`
 */
export async function until<T>(
  what: string,
  condition: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let problem: unknown;
  for (;;) {
    try {
      const found = await condition();
      if (found !== null && found !== undefined && found !== false) return found;
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`Not within ${timeoutMs} ms: ${what}`, { cause: problem });
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
