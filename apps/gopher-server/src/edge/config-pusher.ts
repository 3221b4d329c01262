import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Subject, type Subscription } from 'rxjs';
import { type AgentReport, AgentUnreachableError, MachineEvents } from '@gopher/machine';
import {
  AgentConfigClient,
  ConfigNotTakenError,
  ConfigOutdatedError,
  ConfigRefusedError,
  ConfirmationUnknownError,
  type TakenConfig,
  type TargetFinding,
} from '../machine/agent-config-client.js';
import { RevisionViews } from '../machine/revision-views.js';
import type { RevisionOutcome } from '../revision/machine-revision.entity.js';
import { withoutSecrets } from '../revision/redaction.js';
import { type RevisionInForce, Revisions } from '../revision/revisions.js';
import type { Settlement } from '../revision/settlement.js';
import { PushDesk, type Trial, type WantedConfig } from './push-desk.js';
import { PushProof } from './push-proof.js';

const CONFIRM_RETRY_MS = 500;
/** A push may go unanswered for so long before another takes its place. */
const OVERTAKING_MS = 300;
/** What was ordered longer ago than this, and is not wanted, will not be. */
const UNPUSHED_MS = 60_000;

export const PUSH_RESULTS = [
  'applied',
  'refused',
  'reverted',
  'superseded',
  'unconfirmed',
  'unreachable',
  'failed',
] as const;
/**
 * How the edge's part in a push ended. `unconfirmed`: it was not seen to serve in time, and the machine
 * takes it back. `unreachable`: the agent did not answer. `failed`: for another reason, in its log.
 */
export type PushResult = (typeof PUSH_RESULTS)[number];

/** No machine was told of it. */
const OVERTAKEN: Settlement = {
  outcome: 'superseded',
  reason: 'Something else was wanted before it was pushed',
};

interface Machine {
  desk: PushDesk;
  /** Read together for all that are new; null: it was read. */
  inForce: Promise<Map<string, RevisionInForce>> | null;
  /** What the report said by which its revisions were settled last. */
  settledBy: string;
  /** When what is wanted changed last; null: what it left unsettled has been looked for. */
  changedAt: number | null;
  working: boolean;
  again: boolean;
  retry: NodeJS.Timeout | undefined;
}

/**
 * Brings each agent's data client to the configuration that is wanted, and confirms it once it is
 * seen to serve. Level-triggered: what the agent reports is compared with what is wanted, so that
 * whatever was lost on the way, here or there, is found and made up for.
 */
@Injectable()
export class ConfigPusher implements OnApplicationBootstrap, OnApplicationShutdown {
  /** A machine took its configuration; what it found of its targets. */
  readonly applied = new Subject<{ machineId: string; targets: TargetFinding[] }>();
  readonly ended = new Subject<{ machineId: string; result: PushResult; durationMs: number }>();

  private readonly logger = new Logger(ConfigPusher.name);
  private readonly machines = new Map<string, Machine>();
  private subscription: Subscription | undefined;

  constructor(
    private readonly revisions: Revisions,
    private readonly agents: AgentConfigClient,
    private readonly proof: PushProof,
    private readonly views: RevisionViews,
    private readonly events: MachineEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.subscription = this.events.report.subscribe(({ target, report }) => {
      this.machines.get(target.id)?.desk.hear(report);
      this.kick(target.id);
    });
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
    for (const id of [...this.machines.keys()]) this.leave(id);
  }

  /** The wanted configuration of every machine that has an agent. */
  want(all: readonly WantedConfig[]): void {
    const ids = new Set(all.map(({ target }) => target.id));
    for (const id of [...this.machines.keys()]) if (!ids.has(id)) this.leave(id);
    const fresh = all.filter(({ target }) => !this.machines.has(target.id));
    const inForce = fresh.length === 0 ? null : this.revisions.inForce(fresh.map(idOf));
    inForce?.catch(() => {}); // each that waits for it hears of it
    for (const wanted of all) {
      const known = this.machines.get(idOf(wanted));
      if (known && known.desk.want(wanted)) known.changedAt = Date.now();
      if (!known) this.machines.set(idOf(wanted), newMachine(wanted, inForce));
      this.kick(idOf(wanted));
    }
  }

  /** The revision that the agent reported last; 0: none, or it is not known. */
  reported(machineId: string): number {
    return this.machines.get(machineId)?.desk.report?.config?.revision ?? 0;
  }

  /** Tunnels that their machines do not have because they took back what brought them, and why. */
  withdrawn(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { desk } of this.machines.values()) {
      if (!desk.setback) continue;
      const { number, state, reason } = desk.setback;
      const why = `Revision ${number} was ${state}: ${reason}`;
      for (const tunnelId of desk.withdrawn()) found.set(tunnelId, why);
    }
    return found;
  }

  private leave(id: string): void {
    const machine = this.machines.get(id);
    machine?.desk.trial?.abort.abort();
    clearTimeout(machine?.retry);
    this.machines.delete(id);
    this.views.forget(id);
  }

  private kick(id: string): void {
    const machine = this.machines.get(id);
    if (!machine) return;
    machine.again = true;
    if (!machine.working) void this.work(id, machine);
  }

  /** One step after the other: what is wanted or reported meanwhile decides the next. */
  private async work(id: string, machine: Machine): Promise<void> {
    machine.working = true;
    while (machine.again && this.machines.get(id) === machine) {
      machine.again = false;
      try {
        await this.step(machine);
      } catch (error) {
        // The next report, or the next pass, tries again.
        this.logger.warn(`The configuration of machine ${id} waits: ${String(error)}`);
      }
    }
    machine.working = false;
  }

  private async step(machine: Machine): Promise<void> {
    const { desk } = machine;
    await this.read(machine);
    if (desk.report) await this.settle(machine, desk.report);
    this.show(machine);
    const step = desk.step(Date.now());
    if (step === 'push') await this.push(machine);
    else if (step === 'prove') await this.prove(machine, desk.resumed());
    else if (step === 'rest') await this.rest(machine);
    this.show(machine);
    this.wake(machine);
  }

  private async read(machine: Machine): Promise<void> {
    if (!machine.inForce) return;
    const id = idOf(machine.desk.wanted);
    const found = await machine.inForce.catch(() => this.revisions.inForce([id]));
    machine.desk.inForce = found.get(id) ?? null;
    machine.inForce = null;
  }

  /** Writes down what the agent reports of its revisions, when that is news. */
  private async settle(machine: Machine, report: AgentReport): Promise<void> {
    const { wanted, inForce } = machine.desk;
    const { config, reverted, highestRevision } = report;
    const news = JSON.stringify([config, reverted, highestRevision]);
    const has = config?.sha256 === wanted.sha256 ? config : null;
    const isKnown = has?.revision === inForce?.number && inForce?.config !== null;
    if (news === machine.settledBy) return;
    if (!(has?.state === 'applied' && isKnown && !reverted)) {
      await this.revisions.settleBy(idOf(wanted), report);
      if (has && has.revision > 0 && !isKnown) {
        const { revision: number, state } = has;
        await this.revisions.found(idOf(wanted), wanted, {
          number,
          confirmed: state !== 'unconfirmed',
        });
      }
      await this.readAgain(machine);
    }
    machine.settledBy = news;
  }

  private async readAgain({ desk }: Machine): Promise<void> {
    const id = idOf(desk.wanted);
    desk.inForce = (await this.revisions.inForce([id])).get(id) ?? null;
  }

  private async push(machine: Machine): Promise<void> {
    const { desk } = machine;
    const { wanted, confirmWithinSeconds } = desk;
    const { target, toml, sha256 } = wanted;
    const placing = { cause: desk.cause(), above: desk.highest };
    const number = await this.revisions.push(target.id, wanted, placing);
    if (desk.wanted.sha256 !== sha256) return this.revisions.settle(target.id, number, OVERTAKEN);
    const trial = desk.begin(number, wanted);
    const config = { revision: number, toml, sha256, confirmWithinSeconds };
    let taken: TakenConfig | null;
    try {
      const answer = this.agents.updateRatholeConfig(target, config);
      taken = await Promise.race([answer, outdated(trial)]);
    } catch (error) {
      return this.failed(machine, trial, error);
    } finally {
      trial.answered.abort();
    }
    if (taken === null) return this.end(trial, 'superseded'); // what is wanted now goes out, and the agent lets go of this one
    const awaits = confirmWithinSeconds > 0 && taken.state === 'unconfirmed';
    desk.took(trial, awaits ? 'unconfirmed' : 'applied');
    this.applied.next({ machineId: target.id, targets: taken.targets });
    this.show(machine);
    await (awaits ? this.prove(machine, trial) : this.done(machine, trial));
  }

  private async failed(machine: Machine, trial: Trial, error: unknown): Promise<void> {
    const { desk } = machine;
    const { number, wanted } = trial;
    const id = idOf(wanted);
    if (error instanceof AgentUnreachableError) {
      this.end(trial, 'unreachable');
      return desk.lose();
    }
    if (error instanceof ConfirmationUnknownError && desk.confirmWithinSeconds > 0) {
      desk.isOlder();
      machine.again = true;
      return;
    }
    const reason = withoutSecrets(messageOf(error), wanted.toml);
    this.logger.error(`Machine ${id} did not take revision ${number}: ${reason}`);
    if (error instanceof ConfigRefusedError) {
      desk.refuse(trial, { number, state: 'refused', reason });
    } else if (desk.report?.reverted?.revision !== number) {
      // Whether it would take it another time, its report says.
      desk.lose();
      desk.postpone(trial);
    }
    const outcome = outcomeOf(error);
    this.end(trial, outcome ?? 'failed');
    if (outcome) await this.revisions.settle(id, number, { outcome, reason });
  }

  /** Confirms a revision once it is seen to serve; what comes of it otherwise, the agent reports. */
  private async prove(machine: Machine, trial: Trial): Promise<void> {
    if (trial.over) return;
    const { desk } = machine;
    const { signal } = trial.abort;
    const patience = AbortSignal.timeout(Math.max(0, trial.endsAt - Date.now()));
    const inTime = AbortSignal.any([signal, patience]);
    const proven = await this.proof.until(desk.expected(trial), inTime, (problem) => {
      trial.problem = problem;
      this.show(machine);
    });
    if (proven && (await this.confirm(desk, trial, inTime))) {
      desk.took(trial, 'applied');
      return this.done(machine, trial);
    }
    this.end(trial, signal.aborted ? 'superseded' : 'unconfirmed');
    if (!signal.aborted) trial.over = true;
  }

  private async confirm(
    desk: PushDesk,
    { number, wanted }: Trial,
    signal: AbortSignal,
  ): Promise<boolean> {
    while (!signal.aborted) {
      // Where the agent is reached may have changed since it was told.
      const { target } = desk.wanted;
      try {
        const { sha256 } = wanted;
        await this.agents.confirmRatholeConfig(target, { revision: number, sha256 });
        return true;
      } catch (error) {
        if (error instanceof ConfigOutdatedError) return false;
        const reason = withoutSecrets(messageOf(error), wanted.toml);
        this.logger.warn(`Revision ${number} of ${target.id} is not confirmed yet: ${reason}`);
      }
      await delay(CONFIRM_RETRY_MS, undefined, { signal }).catch(() => {});
    }
    return false;
  }

  private async rest(machine: Machine): Promise<void> {
    const { changedAt, desk } = machine;
    if (changedAt === null || Date.now() - changedAt < UNPUSHED_MS) return;
    await this.revisions.drop(idOf(desk.wanted), new Date(changedAt));
    if (machine.changedAt === changedAt) machine.changedAt = null;
  }

  private async done(machine: Machine, trial: Trial): Promise<void> {
    const { number, wanted } = trial;
    this.end(trial, 'applied');
    await this.revisions.settle(idOf(wanted), number, { outcome: 'applied', reason: null });
    await this.readAgain(machine);
  }

  private end({ wanted, begunAt }: Trial, result: PushResult): void {
    this.ended.next({ machineId: idOf(wanted), result, durationMs: Date.now() - begunAt });
  }

  private show(machine: Machine): void {
    const { desk } = machine;
    const machineId = idOf(desk.wanted);
    if (this.machines.get(machineId) !== machine) return; // it has no agent any more
    if (this.views.set(machineId, desk.view())) this.events.changed.next({ machineId });
  }

  private wake(machine: Machine): void {
    clearTimeout(machine.retry);
    const { desk } = machine;
    const waitMs = desk.retryAt - Date.now();
    if (waitMs > 0) machine.retry = setTimeout(() => this.kick(idOf(desk.wanted)), waitMs);
  }
}

const idOf = ({ target }: WantedConfig): string => target.id;

const newMachine = (wanted: WantedConfig, inForce: Machine['inForce']): Machine => ({
  desk: new PushDesk(wanted),
  inForce,
  settledBy: '',
  changedAt: Date.now(),
  working: false,
  again: false,
  retry: undefined,
});

/**
 * Resolves when nobody cares for the answer any more. Not at once: most answers are quick, and what
 * is wanted meanwhile goes out together. But a data client may look for a tunnel for long that was
 * removed again.
 */
async function outdated({ abort, answered }: Trial): Promise<null> {
  const end = { signal: answered.signal };
  await Promise.all([
    delay(OVERTAKING_MS, undefined, end),
    abort.signal.aborted || once(abort.signal, 'abort', end),
  ]).catch(() => {}); // it was answered
  return null;
}

/** null: the agent's report has to say. */
function outcomeOf(error: unknown): (RevisionOutcome & PushResult) | null {
  if (error instanceof ConfigRefusedError) return 'refused';
  if (error instanceof ConfigNotTakenError) return 'reverted';
  return error instanceof ConfigOutdatedError ? 'superseded' : null;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
