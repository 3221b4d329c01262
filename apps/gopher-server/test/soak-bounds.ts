import type { Bound } from './flatness.js';

/** In MB. */
export const MEMORY: Bound = { share: 0.04, more: 1.5 };
/** Of one kind: what comes and goes is caught at another moment each time. */
export const HANDLES: Bound = { share: 0, more: 4 };
/** Children, threads and watches of files. */
const COUNTS: Bound = { share: 0, more: 1 };

/** @param what as `readProcess` names it */
export function boundOf(what: string): Bound {
  if (what.endsWith(' MB')) return MEMORY;
  return what.endsWith(' handles') ? HANDLES : COUNTS;
}
