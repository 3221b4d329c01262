import type { Check, Measured, Outcome } from './check.js';
import { type CheckId, legOf } from './check-ids.js';

export interface Details {
  /** What to do; must be there for a fail and a warning. */
  advice?: string;
  subject?: string | null;
  measured?: Measured | null;
}

const finding =
  (outcome: Outcome) =>
  (id: CheckId, meaning: string, { advice, subject, measured }: Details = {}): Check => ({
    id,
    leg: legOf(id),
    outcome,
    subject: subject ?? null,
    measured: measured ?? null,
    meaning,
    advice: advice ?? null,
  });

type WithAdvice = (id: CheckId, meaning: string, details: Details & { advice: string }) => Check;

export const passed = finding('pass');
export const skipped = finding('skip');
export const warned: WithAdvice = finding('warn');
export const failed: WithAdvice = finding('fail');

/** Rounded to a tenth: the rest is chance. */
export const ms = (value: number): Measured => ({ value: Math.round(value * 10) / 10, unit: 'ms' });
