const HEARTBEAT_MS = 5_000;
const REDRAW_MS = 200;
const CLEAR_LINE = '\r\u001b[2K';

/** As much of a terminal or a pipe as is needed. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

interface Step {
  label: string;
  detail: string;
  began: number;
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/**
 * One line for each step when it ends, with the time since the start and the time it took; while
 * steps take long, a sign of life: in place on a terminal, as lines of their own elsewhere.
 */
export class Progress {
  private readonly steps = new Set<Step>();
  private readonly timer: NodeJS.Timeout;
  private readonly startedAt: number;

  constructor(
    private readonly output: Output,
    startedAt: number | undefined,
  ) {
    this.startedAt = startedAt ?? Date.now() - performance.now();
    const [tick, ms] = output.isTTY
      ? ([() => this.redraw(), REDRAW_MS] as const)
      : ([() => this.repeat(), HEARTBEAT_MS] as const);
    this.timer = setInterval(tick, ms).unref();
  }

  get elapsedMs(): number {
    return Date.now() - this.startedAt;
  }

  line(text: string): void {
    this.clear();
    this.output.write(`${this.stamp()} ${text}\n`);
    this.redraw();
  }

  /** Without a time: for what stays to be read. */
  text(text: string): void {
    this.clear();
    this.output.write(text);
  }

  /** `work` is given a function that says what it is at; `done` words the line at its end. */
  async step<T>(
    label: string,
    work: (say: (detail: string) => void) => Promise<T>,
    done: (result: T) => string | null,
  ): Promise<T> {
    const step: Step = { label, detail: '', began: Date.now() };
    this.steps.add(step);
    this.redraw();
    try {
      const result = await work((detail) => (step.detail = detail));
      this.steps.delete(step);
      const text = done(result);
      if (text !== null) this.line(`${text} (${seconds(Date.now() - step.began)})`);
      return result;
    } finally {
      this.steps.delete(step);
      this.clear();
    }
  }

  close(): void {
    clearInterval(this.timer);
    this.clear();
  }

  private stamp(): string {
    return `[${seconds(this.elapsedMs).padStart(7)}]`;
  }

  private redraw(): void {
    if (!this.output.isTTY || this.steps.size === 0) return;
    const steps = [...this.steps].map(({ label, detail }) => `${label} … ${detail}`.trimEnd());
    const width = Math.max(20, (this.output.columns || 80) - 1);
    this.clear();
    this.output.write(`${this.stamp()} ${steps.join(' · ')}`.slice(0, width));
  }

  private repeat(): void {
    for (const { label, detail, began } of this.steps) {
      const tookMs = Date.now() - began;
      if (tookMs < HEARTBEAT_MS / 2) continue;
      this.line(`${label} … ${detail || seconds(tookMs)}`);
    }
  }

  private clear(): void {
    if (this.output.isTTY) this.output.write(CLEAR_LINE);
  }
}
