import { DomainError } from '@gopher/machine';

/** Who asks again within this time gets the same answer. */
const KEPT_MS = 1_000;
const MAX_UNDER_WAY = 20;

export class TooManyDiagnosesError extends DomainError {
  readonly code = 'too-many-diagnoses';
  readonly kind = 'unavailable';
  constructor() {
    super(`${MAX_UNDER_WAY} other diagnoses are under way; repeat the request in a moment`);
  }
}

/** One run for each subject at a time, shared by all who ask; so many reports cost no more than one. */
export class SharedRuns<Result> {
  private readonly runs = new Map<string, Promise<Result>>();
  private underWay = 0;

  /** @throws TooManyDiagnosesError, and what `run` throws */
  get(key: string, run: () => Promise<Result>): Promise<Result> {
    const known = this.runs.get(key);
    if (known) return known;
    if (this.underWay >= MAX_UNDER_WAY) return Promise.reject(new TooManyDiagnosesError());
    this.underWay += 1;
    const running = run().finally(() => {
      this.underWay -= 1;
    });
    this.runs.set(key, running);
    const forget = () => void this.runs.delete(key);
    running.then(() => setTimeout(forget, KEPT_MS).unref(), forget);
    return running;
  }
}
