import {
  type Check,
  CHECK_LEGS,
  CHECK_UNITS,
  CHECKS,
  legOf,
  type Measured,
  type Outcome,
} from '@gopher/diagnosis';
import { type DiagnosticCheck, DiagnosticOutcome } from '@gopher/proto';
import type { AgentFindings } from './agent-diagnosis.js';

const MAX_CHECKS = 500;
const MAX_TEXT = 1_000;
const MAX_SUBJECT = 200;
const ID = /^[a-z][a-z0-9-]{1,62}$/;

const OUTCOMES = new Map<DiagnosticOutcome, Outcome>([
  [DiagnosticOutcome.PASS, 'pass'],
  [DiagnosticOutcome.WARN, 'warn'],
  [DiagnosticOutcome.FAIL, 'fail'],
]);

/** What only the edge can say: no machine may blame it. */
const OF_THE_EDGE = new Set<string>(
  CHECKS.filter(({ side }) => side === 'edge').map(({ id }) => id),
);
const OF_AN_AGENT = new Map(
  CHECKS.filter(({ side }) => side === 'agent').map(({ id }) => [id as string, legOf(id)]),
);

/** An agent's answer, cut to what fits, without what is not a check or not the agent's to say. */
export function toFindings(answered: readonly DiagnosticCheck[]): AgentFindings {
  const checks = answered.slice(0, MAX_CHECKS).flatMap(toCheck);
  return { checks, omitted: answered.length - checks.length };
}

function toCheck(answered: DiagnosticCheck): Check[] {
  const { id, outcome, subject, meaning, advice } = answered;
  if (!ID.test(id) || OF_THE_EDGE.has(id)) return [];
  const check: Check = {
    id,
    leg: legOfAnswer(answered),
    outcome: OUTCOMES.get(outcome) ?? 'skip',
    subject: text(subject, MAX_SUBJECT) || null,
    measured: measuredOf(answered),
    meaning: text(meaning, MAX_TEXT),
    advice: text(advice, MAX_TEXT) || null,
  };
  return [check];
}

/** Of a newer agent's checks only the agent knows. */
const legOfAnswer = ({ id, leg }: DiagnosticCheck) =>
  OF_AN_AGENT.get(id) ?? CHECK_LEGS.find((known) => known === leg) ?? 'machine';

function measuredOf({ value, unit }: DiagnosticCheck): Measured | null {
  const known = CHECK_UNITS.find((one) => one === unit);
  return value === undefined || known === undefined || !Number.isFinite(value)
    ? null
    : { value, unit: known };
}

/** Without what a terminal or a log would obey. */
function text(from: string, max: number): string {
  const plain = from
    .slice(0, max)
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, (char) => (char === '\n' ? char : ' '));
  return from.length > max ? `${plain.trim()}…` : plain.trim();
}
