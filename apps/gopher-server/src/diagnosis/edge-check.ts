import type { Check, CheckLeg, Outcome } from '@gopher/diagnosis';

type Finding = Pick<Check, 'meaning'> & Partial<Pick<Check, 'id' | 'subject' | 'measured' | 'advice'>>;

/** One look of the edge at one thing. It may throw, and it may hang: whoever runs it bounds it. */
export abstract class EdgeCheck<About = void> {
  abstract readonly id: string;
  abstract readonly leg: CheckLeg;
  /** Ids of further lines that it may bring. */
  readonly alsoIds: readonly string[] = [];
  /** After so long it counts as not told. */
  readonly deadlineMs: number = 4_000;

  abstract look(about: About): Promise<Check[]> | Check[];

  found(outcome: Outcome, finding: Finding): Check {
    const { id, leg } = this;
    return { id, leg, outcome, subject: null, measured: null, advice: null, ...finding };
  }
}

/** Milliseconds, as a report shows them. */
export const ms = (value: number) => ({ value: Math.round(value * 10) / 10, unit: 'ms' }) as const;
