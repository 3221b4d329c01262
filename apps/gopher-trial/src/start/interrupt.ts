import { InterruptedError } from '../trial.errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The wish to stop. A Ctrl-C may come several times, from the terminal, npm and a script; none of
 * them ends this process in the middle of stopping the others.
 */
export class Interrupt {
  private readonly abort = new AbortController();

  constructor() {
    for (const signal of SIGNALS) {
      process.on(signal, () => this.abort.abort(new InterruptedError(signal)));
    }
  }

  static ignore(): void {
    for (const signal of SIGNALS) process.on(signal, () => {});
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Resolves when it came. */
  get came(): Promise<void> {
    return new Promise((resolve) => {
      if (this.signal.aborted) resolve();
      this.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
