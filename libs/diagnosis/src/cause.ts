import { type Check, CHECK_LEGS, type Outcome } from './check.js';
import { causalRank } from './check-ids.js';

/** Of one check or of many: how serious it is. */
const SEVERITY: Record<Outcome, number> = { pass: 0, skip: 0, warn: 1, fail: 2 };

/**
 * The check that is to be shown first: a fail before a warning, and among those the one that explains
 * the others. null: nothing is wrong.
 */
export function causeOf(checks: readonly Check[]): Check | null {
  const [first] = checks
    .filter(({ outcome }) => SEVERITY[outcome] > 0)
    .toSorted(
      (a, b) => SEVERITY[b.outcome] - SEVERITY[a.outcome] || causalRank(a.id) - causalRank(b.id),
    );
  return first ?? null;
}

/** The cause, then all the others in the order of the path. */
export function ordered(checks: readonly Check[]): Check[] {
  const cause = causeOf(checks);
  const rest = checks
    .filter((check) => check !== cause)
    .toSorted(
      (a, b) =>
        CHECK_LEGS.indexOf(a.leg) - CHECK_LEGS.indexOf(b.leg) ||
        causalRank(a.id) - causalRank(b.id),
    );
  return cause ? [cause, ...rest] : rest;
}

/** Of the whole report. `skip`: nothing could be told at all. */
export function outcomeOf(checks: readonly Check[]): Outcome {
  const cause = causeOf(checks);
  if (cause) return cause.outcome;
  return checks.some(({ outcome }) => outcome === 'pass') ? 'pass' : 'skip';
}
