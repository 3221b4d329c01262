export const OUTCOMES = ['pass', 'warn', 'fail', 'skip'] as const;
/** `skip`: could not be told, and why. */
export type Outcome = (typeof OUTCOMES)[number];

export const CHECK_LEGS = ['edge', 'rathole→machine', 'machine', 'machine→target'] as const;
/** The stretch of the path that a check is about, or the host at one of its ends. */
export type CheckLeg = (typeof CHECK_LEGS)[number];

/** What one look at one thing found. */
export interface Check {
  /** Stable and kebab-case, e.g. "edge-name-resolves". */
  id: string;
  leg: CheckLeg;
  outcome: Outcome;
  /** Which one, where there are several: a client, a mount point, a rathole service. */
  subject: string | null;
  measured: { value: number; unit: 'ms' | 's' | 'bytes' | 'ratio' | 'count' | 'days' } | null;
  /** What was found, and what it means, for a person to read. */
  meaning: string;
  /** What to do; null when there is nothing to do. */
  advice: string | null;
}
