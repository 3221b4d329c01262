/** What a person can act on: shown without a stack. */
export abstract class TrialError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** Wrong words or settings. */
export class UsageError extends TrialError {}

/** Something did not work; the message says what, and what to do. */
export class TrialFailedError extends TrialError {}

/** Ctrl-C or SIGTERM came before it was ready. */
export class InterruptedError extends TrialError {
  constructor(readonly signal: NodeJS.Signals) {
    super(`Stopped by ${signal}`);
  }
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
