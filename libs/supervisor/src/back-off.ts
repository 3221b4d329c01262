const FIRST_WINDOW_MS = 1_000;
const LAST_WINDOW_MS = 32_000;
/** Whatever ran this long did not fail at its start: what failed before is forgotten. */
const FORGET_AFTER_MS = 30_000;

/** The first restart is immediate; then full jitter in a window that doubles from 1 s to 32 s. */
export class BackOff {
  private failures = 0;

  constructor(private readonly random: () => number = Math.random) {}

  /** @returns how many ms to wait before the next start. */
  next(ranMs: number): number {
    if (ranMs >= FORGET_AFTER_MS) this.reset();
    const failures = this.failures++;
    if (failures === 0) return 0;
    const window = Math.min(FIRST_WINDOW_MS * 2 ** (failures - 1), LAST_WINDOW_MS);
    return Math.round(this.random() * window);
  }

  reset(): void {
    this.failures = 0;
  }
}
