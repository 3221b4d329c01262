import { BackOff } from './back-off.js';

/** When a process that ended is started again. Never keeps Node alive. */
export class RestartTimer {
  private readonly backOff: BackOff;
  private timer: NodeJS.Timeout | undefined;
  private at: Date | null = null;

  constructor(
    random: () => number,
    private readonly restart: () => void,
  ) {
    this.backOff = new BackOff(random);
  }

  /** From being scheduled until it is cancelled: while it starts, too. */
  get nextStartAt(): Date | null {
    return this.at;
  }

  /** @returns the ms until then. */
  schedule(ranMs: number): number {
    this.cancel();
    const delayMs = this.backOff.next(ranMs);
    this.at = new Date(Date.now() + delayMs);
    this.timer = setTimeout(this.restart, delayMs).unref();
    return delayMs;
  }

  cancel(): void {
    clearTimeout(this.timer);
    this.at = null;
  }

  /** What failed before no longer counts. */
  forget(): void {
    this.backOff.reset();
  }
}
