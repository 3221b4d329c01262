/** What was tried before; null: nothing since the data client last served for long enough. */
export interface HealHistory {
  attempts: number;
  attemptedAt: Date;
}

export type HealDecision = { restart: true } | { restart: false; because: string };

const FIRST_COOL_DOWN_MS = 15_000;
const LONGEST_COOL_DOWN_MS = 600_000;
const MAX_ATTEMPTS = 8;
/** After so long without a restart, what was tried before no longer counts. */
export const HEAL_MEMORY_MS = 3_600_000;

/** Restart at once the first time; then wait longer each time, and stop after `MAX_ATTEMPTS`. */
export function decideHeal(history: HealHistory | null, now: Date): HealDecision {
  if (!history) return { restart: true };
  const sinceMs = now.getTime() - history.attemptedAt.getTime();
  if (sinceMs >= HEAL_MEMORY_MS) return { restart: true };
  if (history.attempts >= MAX_ATTEMPTS) {
    return { restart: false, because: `${MAX_ATTEMPTS} restarts within an hour did not help` };
  }
  const coolDownMs = coolDownAfter(history.attempts);
  if (sinceMs < coolDownMs) {
    const waitS = Math.ceil((coolDownMs - sinceMs) / 1000);
    return { restart: false, because: `cooling down for ${waitS} s more` };
  }
  return { restart: true };
}

export function coolDownAfter(attempts: number): number {
  return Math.min(FIRST_COOL_DOWN_MS * 2 ** Math.max(0, attempts - 1), LONGEST_COOL_DOWN_MS);
}
