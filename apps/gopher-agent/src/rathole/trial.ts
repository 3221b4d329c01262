import { PushAbortedError } from '../agent.errors.js';
import type { Before, Expected } from './uptake.js';

/** A push that is in force and not confirmed yet. */
export class Trial {
  /** Resolves when the data client has taken it. @throws PushAbortedError with why it has not */
  taken: Promise<void> = Promise.resolve();
  private readonly ended = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private supersededBy: bigint | null = null;
  private confirmed = false;

  constructor(
    readonly revision: bigint,
    readonly confirmWithinMs: number,
    /** How the data client was before this push. */
    readonly before: Before,
    readonly expected: Expected,
    /** Services that were established before all that is unconfirmed. */
    readonly wereUp: readonly string[],
  ) {}

  /** Aborted when it is confirmed, superseded or taken back. */
  get signal(): AbortSignal {
    return this.ended.signal;
  }

  get isConfirmed(): boolean {
    return this.confirmed;
  }

  confirm(): void {
    this.confirmed = true;
    this.end();
  }

  supersede(revision: bigint): void {
    this.supersededBy = revision;
    this.end();
  }

  end(): void {
    clearTimeout(this.timer);
    this.ended.abort();
  }

  /** Replaces the timer that was set before; never after the end. */
  after(ms: number, work: () => void): void {
    clearTimeout(this.timer);
    if (!this.signal.aborted) this.timer = setTimeout(work, ms);
  }

  /** @throws PushAbortedError when another one took its place */
  requireNotSuperseded(): void {
    const { revision, supersededBy } = this;
    if (supersededBy === null) return;
    throw new PushAbortedError(`Revision ${revision} was superseded by revision ${supersededBy}`);
  }
}
