import type { AgentReport, AgentTarget, AppliedConfigReport, RevisionView } from '@gopher/machine';
import { parseClient, type RatholeClientConfig } from '@gopher/rathole';
import { withoutSecrets } from '../revision/redaction.js';
import { broughtTunnels, differences } from '../revision/revision-content.js';
import type { DerivedConfig, RevisionInForce } from '../revision/revisions.js';
import { type PushStep, retryPushAfterMs, stepFor } from './push-rules.js';
import type { Expected } from './push-proof.js';

export interface WantedConfig extends DerivedConfig {
  target: AgentTarget;
  checkPort: number;
}

/** A revision that a machine has been told, and that is not settled. */
export interface Trial {
  number: number;
  wanted: WantedConfig;
  begunAt: number;
  endsAt: number;
  /** Aborted when it is no longer wanted, or no longer on trial. */
  abort: AbortController;
  /** Aborted when the agent has answered. */
  answered: AbortController;
  /** What was missing at the last look from outside. */
  problem: string | null;
  over: boolean;
}

export interface Setback {
  number: number;
  state: 'reverted' | 'refused';
  reason: string;
}

export const CONFIRM_WITHIN_S = 30;
/** A report that was under way when the agent took a push does not know of it. */
const REPORT_DELAY_MS = 1_000;
const MAX_DIFFERENCES = 50;

/** What is known of one machine's configuration, and what that means; asks nobody. */
export class PushDesk {
  /** What the agent said last; null: it is not known what it runs. */
  report: AgentReport | null = null;
  trial: Trial | null = null;
  setback: Setback | null = null;
  retryAt = 0;
  /** What the machine is known to have had last; null: nothing; undefined: it was not read yet. */
  inForce: RevisionInForce | null | undefined;

  /** The content that the machine would not have, and by which of its policies. */
  private refused: { sha256: string; policyVersion: string } | null = null;
  private failures = 0;
  private tookAt = 0;
  /** The release of an agent that turned out to be older than confirmations. */
  private olderAgent: string | null = null;
  private parsed: { toml: string; config: RatholeClientConfig } | null = null;

  constructor(public wanted: WantedConfig) {}

  /** A number that the agent has never had is higher. */
  get highest(): number {
    return Math.max(this.report?.highestRevision ?? 0, this.report?.config?.revision ?? 0);
  }

  get confirmWithinSeconds(): number {
    const { report, olderAgent } = this;
    const knows = report && report.highestRevision > 0 && report.agentVersion !== olderAgent;
    return knows ? CONFIRM_WITHIN_S : 0;
  }

  /** Returns whether this is something else than before. */
  want(wanted: WantedConfig): boolean {
    const isSame = wanted.sha256 === this.wanted.sha256;
    this.wanted = wanted;
    if (isSame) return false;
    this.trial?.abort.abort();
    this.setback = null;
    this.refused = null;
    this.failures = 0;
    this.retryAt = 0;
    this.judge();
    return true;
  }

  hear(report: AgentReport): void {
    const { config } = report;
    if (!config || this.isFromBefore(report)) return;
    this.report = report;
    // What the owner forbade may be allowed now.
    if (this.refused && this.refused.policyVersion !== report.policyVersion) this.refused = null;
    if (this.trial && isOver(this.trial, report)) this.trial.abort.abort();
    this.judge();
  }

  /** What is to be done now; null: nothing until more is heard, or until `retryAt`. */
  step(now: number): PushStep | null {
    if (!this.report) return null;
    const step = stepFor(this.wanted.sha256, this.report, this.refused?.sha256 ?? null);
    return step === 'push' && now < this.retryAt ? null : step;
  }

  begin(number: number, wanted: WantedConfig): Trial {
    this.trial = {
      number,
      wanted,
      begunAt: Date.now(),
      endsAt: Date.now() + CONFIRM_WITHIN_S * 1_000,
      abort: new AbortController(),
      answered: new AbortController(),
      problem: null,
      over: false,
    };
    return this.trial;
  }

  /** The trial that the agent reports: the one under way, or one from before a restart. */
  resumed(): Trial {
    const number = this.report!.config!.revision;
    const { trial } = this;
    return trial?.number === number && !trial.abort.signal.aborted
      ? trial
      : this.begin(number, this.wanted);
  }

  /** The agent answered that it has this. */
  took({ number, wanted }: Trial, state: AppliedConfigReport['state']): void {
    const { sha256 } = wanted;
    this.tookAt = Date.now();
    if (this.report) {
      this.report = {
        ...this.report,
        config: { revision: number, sha256, state, detail: '' },
        highestRevision: this.report.highestRevision && Math.max(this.highest, number),
        reverted: state === 'unconfirmed' ? this.report.reverted : null,
      };
    }
    this.setback = null;
    if (state !== 'unconfirmed') this.failures = 0;
  }

  /** The machine will not have this content. */
  refuse({ wanted }: Trial, setback: Setback): void {
    if (wanted.sha256 !== this.wanted.sha256) return;
    const policyVersion = this.report?.policyVersion ?? '';
    this.refused = { sha256: wanted.sha256, policyVersion };
    this.setback = setback;
  }

  /** The agent does not know of confirmations. */
  isOlder(): void {
    this.olderAgent = this.report?.agentVersion ?? null;
  }

  /** To be tried again, later each time; something newer at once. */
  postpone({ wanted }: Pick<Trial, 'wanted'>): void {
    if (wanted.sha256 !== this.wanted.sha256) return;
    this.failures += 1;
    this.retryAt = Date.now() + retryPushAfterMs(this.failures);
  }

  /** The agent did not answer: what it runs is not known until it has said so. */
  lose(): void {
    this.report = null;
  }

  /** What only this push knows of its cause; null: it is in the content. */
  cause(): string | null {
    const { setback, report, inForce, wanted } = this;
    if (setback) return `again, for revision ${setback.number} was ${setback.state}`;
    if (!inForce || inForce.sha256 !== wanted.sha256) return null;
    const config = report?.config;
    if (config?.state === 'unconfirmed') return `back to what revision ${inForce.number} has`;
    const has = config?.sha256
      ? `revision ${config.revision}, sha256:${config.sha256.slice(0, 8)}`
      : 'no configuration';
    return `drift: the machine had ${has} in the place of revision ${inForce.number}`;
  }

  /** What is to be seen from outside once the machine has what is wanted. */
  expected({ wanted }: Trial): Expected {
    const brought = new Set(this.broughtBy(wanted));
    const ports = wanted.tunnels
      .filter(({ id }) => brought.has(id))
      .map(({ protocol, bindAddress, port }) => ({ protocol, bindAddress, port }));
    return { checkPort: wanted.checkPort, ports };
  }

  /** Tunnels that the machine does not have because of the setback. */
  withdrawn(): string[] {
    return this.setback ? this.broughtBy(this.wanted) : [];
  }

  view(): RevisionView {
    const { sha256 } = this.wanted;
    const { state, reason } = this.progress();
    return {
      wanted: { sha256, number: this.numberOf(sha256) },
      state,
      differences: state === 'in-sync' ? [] : differencesFrom(this.inForce, this.config()),
      reason,
    };
  }

  private progress(): Pick<RevisionView, 'state' | 'reason'> {
    const { report, setback } = this;
    if (!report) return { state: 'pushing', reason: 'The agent has not said yet what it has' };
    switch (stepFor(this.wanted.sha256, report, this.refused?.sha256 ?? null)) {
      case 'rest':
        return { state: 'in-sync', reason: null };
      case 'prove':
        return { state: 'unconfirmed', reason: this.trial?.problem ?? null };
      case 'keep':
        return { state: setback?.state ?? 'refused', reason: setback?.reason ?? null };
      case 'push':
        return { state: setback?.state ?? 'pushing', reason: setback?.reason ?? null };
    }
  }

  private numberOf(sha256: string): number | null {
    const { trial, report } = this;
    if (report?.config?.sha256 === sha256) return report.config.revision;
    if (trial?.wanted.sha256 === sha256) return trial.number;
    return this.setback?.number ?? null;
  }

  /** Of the content that is wanted, what the agent says that it took back. */
  private judge(): void {
    const { report, wanted } = this;
    if (!report?.reverted || report.config?.sha256 === wanted.sha256) return;
    const { revision, sha256, cause, reason } = report.reverted;
    if (sha256 !== wanted.sha256 || this.setback?.number === revision) return;
    const seen = this.trial?.number === revision ? this.trial.problem : null;
    const why = seen === null || cause === 'not-taken' ? reason : `${reason}; ${seen}`;
    this.setback = {
      number: revision,
      state: 'reverted',
      reason: withoutSecrets(why, wanted.toml),
    };
    if (cause === 'not-confirmed') this.postpone(this);
  }

  /** Where it is not known what the machine had, nothing is known to be new. */
  private broughtBy(wanted: WantedConfig): string[] {
    const { inForce } = this;
    if (inForce === undefined || inForce?.config === null) return [];
    const config = wanted === this.wanted ? this.config() : parseClient(wanted.toml);
    return broughtTunnels(inForce?.config ?? null, config);
  }

  private config(): RatholeClientConfig {
    const { toml } = this.wanted;
    if (this.parsed?.toml !== toml) this.parsed = { toml, config: parseClient(toml) };
    return this.parsed.config;
  }

  private isFromBefore({ config, highestRevision }: AgentReport): boolean {
    const number = this.report?.config?.revision ?? 0;
    const knows = Math.max(config?.revision ?? 0, highestRevision) >= number;
    return !knows && Date.now() - this.tookAt < REPORT_DELAY_MS;
  }
}

/** Whether the agent took it back, or confirmed it, or has something newer. */
function isOver({ number }: Trial, { config, reverted }: AgentReport): boolean {
  if (reverted?.revision === number) return true;
  const isTried = config?.revision === number && config.state === 'unconfirmed';
  return !isTried && (config?.revision ?? 0) >= number;
}

/** From what a machine has to what it should have, a line each. */
export function differencesFrom(
  inForce: RevisionInForce | null | undefined,
  wanted: RatholeClientConfig,
): string[] {
  if (inForce === undefined) return [];
  if (inForce?.config === null) return ['What the machine had before was not kept'];
  const lines = differences(inForce?.config ?? null, wanted);
  if (lines.length <= MAX_DIFFERENCES) return lines;
  return [...lines.slice(0, MAX_DIFFERENCES), `and ${lines.length - MAX_DIFFERENCES} more`];
}
