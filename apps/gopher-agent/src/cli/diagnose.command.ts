import { Logger } from '@nestjs/common';
import { causeOf, type Check, type Measured, ordered, outcomeOf } from '@gopher/diagnosis';
import { AgentConfig } from '../config/agent.config.js';
import { diagnose as runChecks } from '../diagnosis/diagnose.js';
import { observeSituation } from '../diagnosis/local-situation.js';
import { readEnrolment } from '../identity/enrolment-record.js';
import { StateDirectory } from '../state/state-directory.js';
import { withProgress } from './progress.js';
import { renderTable } from './table.js';

/** Needs neither the edge nor a running agent, and changes nothing. 0: nothing failed, 1: something did. */
export async function diagnose({ json }: { json?: boolean }): Promise<void> {
  // A warning in between would be no JSON.
  Logger.overrideLogger(false);
  const config = AgentConfig.fromEnvironment();
  const state = new StateDirectory(config.stateDir);
  const record = await readEnrolment(state);
  const situation = await observeSituation(config, state, record);
  const checks = ordered(await withProgress('Looking', runChecks(situation)));
  await print(json ? renderJson(checks) : renderText(checks));
  // A name that is still being looked up would hold up the end.
  process.exit(outcomeOf(checks) === 'fail' ? 1 : 0);
}

function renderJson(checks: readonly Check[]): string {
  return `${JSON.stringify({ outcome: outcomeOf(checks), cause: causeOf(checks), checks })}\n`;
}

function renderText(checks: readonly Check[]): string {
  const rows = checks.map(({ outcome, id, subject, measured, meaning }) => [
    outcome,
    id,
    subject ?? '',
    measured ? inWords(measured) : '',
    meaning,
  ]);
  const table = renderTable([['', 'check', 'of', 'measured', 'what was found'], ...rows]);
  return `${firstLine(checks)}\n\n${table}`;
}

function firstLine(checks: readonly Check[]): string {
  const cause = causeOf(checks);
  if (!cause) return `Nothing is wrong that can be seen from this machine${untold(checks)}.`;
  const { outcome, id, meaning, advice } = cause;
  return `${outcome.toUpperCase()} ${id}: ${meaning}.${advice ? `\nWhat to do: ${advice}.` : ''}`;
}

function untold(checks: readonly Check[]): string {
  const count = checks.filter(({ outcome }) => outcome === 'skip').length;
  return count === 0 ? '' : `; ${count} of ${checks.length} checks could not be made`;
}

const NUMBERS = new Intl.NumberFormat('en', { maximumFractionDigits: 1, useGrouping: false });

const inWords = ({ value, unit }: Measured): string =>
  unit === 'count' ? String(value) : `${NUMBERS.format(value)} ${unit}`;

const print = (text: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(text, () => resolve()));
