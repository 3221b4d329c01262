export interface CoolDownRule {
  /** So many restarts are free, then each has to wait. */
  free: number;
  firstMs: number;
  longestMs: number;
  /** Without a restart for so long, it begins again. */
  forgetMs: number;
}

/** How long to wait between restarts that do not seem to help. */
export class CoolDown {
  private restarts = 0;
  private lastAt = -Infinity;
  private waitMs = 0;

  constructor(
    private readonly rule: CoolDownRule,
    private readonly now: () => number = () => performance.now(),
    private readonly random: () => number = Math.random,
  ) {}

  /** True when the wait is over; the next one begins with it. */
  tryTake(): boolean {
    const { free, firstMs, longestMs, forgetMs } = this.rule;
    const now = this.now();
    if (now - this.lastAt >= forgetMs) this.reset();
    if (now - this.lastAt < this.waitMs) return false;
    this.restarts += 1;
    this.lastAt = now;
    const step = this.restarts - free;
    const wait = step < 0 ? 0 : Math.min(firstMs * 2 ** step, longestMs);
    // Up to a fifth more: machines that were cut off together must not come back together.
    this.waitMs = wait * (1 + this.random() * 0.2);
    return true;
  }

  reset(): void {
    this.restarts = 0;
    this.waitMs = 0;
  }
}
