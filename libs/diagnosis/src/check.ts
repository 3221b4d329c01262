export const OUTCOMES = ['pass', 'warn', 'fail', 'skip'] as const;
/** `skip`: could not be told, and why. */
export type Outcome = (typeof OUTCOMES)[number];

export const CHECK_LEGS = ['edge', 'rathole→machine', 'machine', 'machine→target'] as const;
/** The stretch of the path that a check is about, or the host at one of its ends. */
export type CheckLeg = (typeof CHECK_LEGS)[number];

export const CHECK_UNITS = ['ms', 's', 'bytes', 'ratio', 'count', 'days'] as const;
export interface Measured {
  value: number;
  unit: (typeof CHECK_UNITS)[number];
}

/**
 * What one look at one thing found. One that cannot be made because another failed is a `skip`, so
 * that a fail is a fault and not the consequence of one, as far as that can be known.
 */
export interface Check {
  /** A `CheckId`, or one that only a newer release knows. */
  id: string;
  leg: CheckLeg;
  outcome: Outcome;
  /** Which one, where there are several: a client, a mount point, a rathole service. */
  subject: string | null;
  measured: Measured | null;
  /** What was found, and what it means, for a person to read. */
  meaning: string;
  /** What to do; null when there is nothing to do. */
  advice: string | null;
}
