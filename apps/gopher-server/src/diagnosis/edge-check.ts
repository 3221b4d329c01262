import type { Check, CheckId } from '@gopher/diagnosis';

/**
 * One look of the edge at one thing, mostly of one line. It may throw, and it may hang: whoever runs
 * it bounds it.
 */
export abstract class EdgeCheck<About = void> {
  abstract readonly id: CheckId;
  /** After so long it counts as not told. */
  readonly deadlineMs: number = 4_000;

  abstract look(about: About): Promise<Check[]> | Check[];
}
