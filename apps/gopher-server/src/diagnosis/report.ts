import { type Check, ordered, outcomeOf } from '@gopher/diagnosis';
import type { Diagnosis, DiagnosisAbout } from './diagnosis.schema.js';

/** One report out of all that was found. */
export function reportOf(
  about: DiagnosisAbout,
  checks: readonly Check[],
  began: number,
): Diagnosis {
  const inOrder = ordered(checks);
  const outcome = outcomeOf(checks);
  const isBroken = outcome === 'fail' || outcome === 'warn';
  const cause = (isBroken ? inOrder[0] : undefined) ?? null;
  return {
    at: new Date().toISOString(),
    durationMs: Math.round(performance.now() - began),
    about,
    outcome,
    summary: cause?.meaning ?? wellText(outcome, checks),
    cause,
    checks: inOrder,
  };
}

function wellText(outcome: Check['outcome'], checks: readonly Check[]): string {
  if (outcome === 'skip') return 'Nothing could be told';
  const skipped = checks.filter((check) => check.outcome === 'skip').length;
  const told = `All is well: ${checks.length - skipped} checks found nothing wrong`;
  return skipped === 0 ? told : `${told}; ${skipped} could not be made`;
}
