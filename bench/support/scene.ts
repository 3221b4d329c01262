import { type Row, rounded } from './report.js';

export interface Budget {
  atMost?: number;
  atLeast?: number;
}

class SceneEndedError extends Error {
  override readonly name = 'SceneEndedError';
}

/** One run of one benchmark: what it started, what it found, and how it tells of its progress. */
export class Scene {
  readonly rows: Row[] = [];

  private readonly begunAt = performance.now();
  private readonly ends: (() => Promise<void>)[] = [];
  private ended = false;

  constructor(private readonly bench: string) {}

  /** Starts something that is ended with the scene, whatever happens; also while it starts. */
  async own<T>(start: () => T | Promise<T>, end: (started: T) => unknown): Promise<T> {
    this.goOn();
    const starting = Promise.resolve().then(start);
    this.ends.push(async () => {
      const started = await starting.catch(() => null);
      if (started !== null) await end(started);
    });
    const started = await starting;
    this.goOn();
    return started;
  }

  /** @throws when the scene has ended: a benchmark that was interrupted does nothing more */
  goOn(): void {
    if (this.ended) throw new SceneEndedError(`${this.bench} was interrupted`);
  }

  note(text: string): void {
    if (this.ended) return;
    const seconds = ((performance.now() - this.begunAt) / 1_000).toFixed(1);
    process.stderr.write(`${seconds.padStart(6)} s  ${this.bench}: ${text}\n`);
  }

  /** A budget says what is allowed at most or has to be there at least; with none all is well. */
  report(metric: string, value: number, unit: string, { atMost, atLeast }: Budget = {}): void {
    const ok = !(value > (atMost ?? Infinity) || value < (atLeast ?? -Infinity));
    const budget = atMost ?? atLeast ?? null;
    // A figure that is not one is no good news.
    const known = Number.isFinite(value);
    this.rows.push({
      bench: this.bench,
      metric,
      value: known ? rounded(value) : -1,
      unit,
      budget,
      ok: known && ok,
    });
  }

  /** Ends everything, the newest first; what fails at that is told and stops nothing. */
  async end(): Promise<void> {
    this.ended = true;
    for (const end of this.ends.reverse()) {
      await end().catch((error: unknown) => {
        process.stderr.write(`${this.bench}: not ended cleanly: ${String(error)}\n`);
      });
    }
  }
}
