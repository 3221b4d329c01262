import { setTimeout as delay } from 'node:timers/promises';
import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { Subscription } from 'rxjs';
import { type AgentTarget, AgentUnreachableError, MachineEvents } from '@gopher/machine';
import { AgentService } from '@gopher/proto';
import { parseClient } from '@gopher/rathole';
import { agentAddress, BackChannels } from '../enrolment/back-channels.js';
import type { AgentChannel } from '../machine/agent-channel.js';
import { AgentFollower } from '../machine/agent-follower.js';
import { ControlProblems } from '../machine/control-problems.js';
import { GrpcAgentClient } from '../machine/grpc-agent-client.js';
import { withoutSecrets } from '../revision/redaction.js';
import type { ControlFile } from './edge-files.js';
import { CONFIRM_WITHIN_S } from './push-desk.js';
import { retryPushAfterMs } from './push-rules.js';
import { Reconciler } from './reconciler.js';

/** Longer than the agent waits: after this it takes no confirmation any more. */
const PATIENCE_MS = CONFIRM_WITHIN_S * 1_000 + 2_000;
const DIAL_PAUSE_MS = 250;
/** A fleet whose edge has another address moves bit by bit. */
const MAX_AT_ONCE = 50;
const TURN_MS = 1_000;
/** The agent starts or ends a client before it answers. */
const CALL_DEADLINE_MS = 10_000;

export interface WantedControl {
  target: AgentTarget;
  present: ControlFile;
  /** Of the client that is to take its place; null: none is. */
  next: ControlFile | null;
}

interface Machine {
  wanted: WantedControl;
  /** What the agent has said since it is reached where it is; null: nothing; empty: it does not say. */
  sha256: string | null;
  attempt: { next: ControlFile; abort: AbortController } | null;
  failures: number;
  retryAt: number;
  working: boolean;
  again: boolean;
  retry: NodeJS.Timeout | undefined;
}

/**
 * Moves control clients, make-before-break: the agent starts a second one, which leads to a port of
 * its own, and only a confirmation that came through it ends the first. Level-triggered: that a move
 * is under way is in the database, and each of its steps can be done again, so that one that was cut
 * short is carried on. What is wanted differs from what an agent has when the address or the key of
 * the edge did change.
 */
@Injectable()
export class ControlMover implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(ControlMover.name);
  private readonly machines = new Map<string, Machine>();
  private readonly subscriptions: Subscription[] = [];
  private busy = 0;

  constructor(
    private readonly channels: BackChannels,
    private readonly agents: GrpcAgentClient,
    private readonly follower: AgentFollower,
    private readonly reconciler: Reconciler,
    private readonly problems: ControlProblems,
    private readonly events: MachineEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.reconciler.controls.subscribe((all) => this.want(all)),
      this.events.report.subscribe(({ target, report }) => {
        const machine = this.machines.get(target.id);
        if (machine?.wanted.target.agentAddr !== target.agentAddr) return;
        machine.sha256 = report.controlSha256;
        this.kick(target.id);
      }),
    );
  }

  onApplicationShutdown(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    for (const id of [...this.machines.keys()]) this.leave(id);
  }

  private want(all: readonly WantedControl[]): void {
    const ids = new Set(all.map(({ target }) => target.id));
    for (const id of [...this.machines.keys()]) if (!ids.has(id)) this.leave(id);
    for (const wanted of all) {
      const { id } = wanted.target;
      const known = this.machines.get(id);
      if (known) change(known, wanted);
      else this.machines.set(id, newMachine(wanted));
      this.kick(id);
    }
  }

  private leave(id: string): void {
    const machine = this.machines.get(id);
    machine?.attempt?.abort.abort();
    clearTimeout(machine?.retry);
    this.machines.delete(id);
    this.problems.set(id, null);
  }

  private kick(id: string): void {
    const machine = this.machines.get(id);
    if (!machine) return;
    machine.again = true;
    if (!machine.working) void this.work(id, machine);
  }

  private async work(id: string, machine: Machine): Promise<void> {
    machine.working = true;
    while (machine.again && this.machines.get(id) === machine) {
      machine.again = false;
      try {
        await this.step(machine);
      } catch (error) {
        postpone(machine);
        this.logger.warn(`The control client of machine ${id} waits: ${String(error)}`);
      }
    }
    machine.working = false;
    if (this.machines.get(id) === machine) this.wake(machine);
  }

  private async step(machine: Machine): Promise<void> {
    const { present, next } = machine.wanted;
    if (!next && machine.sha256 === present.sha256) return this.rest(machine);
    if (Date.now() < machine.retryAt || !(next || machine.sha256)) return;
    if (this.busy >= MAX_AT_ONCE) {
      machine.retryAt = Date.now() + TURN_MS * (0.5 + Math.random());
      return;
    }
    this.busy += 1;
    try {
      await (next ? this.move(machine, next) : this.begin(machine));
    } finally {
      this.busy -= 1;
    }
  }

  private rest(machine: Machine): void {
    machine.failures = 0;
    machine.retryAt = 0;
    this.tell(machine, null);
  }

  private async begin(machine: Machine): Promise<void> {
    try {
      await this.channels.beginMove(machine.wanted.target.id);
    } catch (error) {
      postpone(machine);
      return this.problem(machine, machine.wanted.present, error);
    }
    await this.reconciler.settled(); // which says what is next, once rathole has it
  }

  /** Begins, or carries on with one that was cut short, wherever that was. */
  private async move(machine: Machine, next: ControlFile): Promise<void> {
    const abort = new AbortController();
    machine.attempt = { next, abort };
    const problem = await this.attempt(machine, next, abort.signal);
    if (problem !== null) {
      if (!abort.signal.aborted) await this.giveUp(machine, next, problem);
      return;
    }
    const { id } = machine.wanted.target;
    machine.sha256 = null;
    machine.failures = 0;
    this.logger.log(`The control client of machine ${id} was moved to ${addressIn(next)}`);
    this.tell(machine, null);
    await this.reconciler.settled(); // from here on it is followed there
  }

  /** Resolves with what went wrong; null: it moved, and that is written down. */
  private async attempt(
    machine: Machine,
    next: ControlFile,
    signal: AbortSignal,
  ): Promise<Error | null> {
    const { id } = machine.wanted.target;
    try {
      await this.reach(machine, next, signal);
      await this.channels.completeMove(id, next.port);
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      machine.attempt = null;
      this.follower.release(id);
    }
  }

  /** Resolves once the agent is known to stay with it. */
  private async reach(machine: Machine, next: ControlFile, signal: AbortSignal): Promise<void> {
    const { target } = machine.wanted;
    let silence: AgentUnreachableError | null = null;
    try {
      await this.offer(target, next);
    } catch (error) {
      if (!(error instanceof AgentUnreachableError)) throw error;
      silence = error;
    }
    // Who does not answer where it was may have been moved before this server was started.
    const endsAt = Date.now() + (silence === null ? PATIENCE_MS : 0);
    const moved = { id: target.id, agentAddr: agentAddress(next.port) };
    for (;;) {
      try {
        return await this.agents.anew(moved, (channel) => this.confirm(channel, next.sha256));
      } catch (error) {
        if (!(error instanceof AgentUnreachableError)) throw error;
        const isLate = Date.now() >= endsAt || signal.aborted;
        if (isLate) throw silence ?? new Error(notReached(error), { cause: error });
      }
      await delay(DIAL_PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }

  private async offer(target: AgentTarget, { toml, sha256 }: ControlFile): Promise<void> {
    const channel = await this.agents.channel(target);
    const request = { toml, sha256, confirmWithinSeconds: CONFIRM_WITHIN_S };
    await this.agents.call(channel, AgentService.updateControlConfig, request, CALL_DEADLINE_MS);
  }

  private async confirm(channel: AgentChannel, wanted: string): Promise<void> {
    const { status: report } = await this.agents.call(channel, AgentService.getStatus, {});
    // It ends the first client before it answers: that this breaks the stream is no silence.
    this.follower.hold(channel.target.id);
    try {
      await this.confirmAs(channel, wanted);
    } catch (error) {
      if ((error as ServiceError).code !== status.FAILED_PRECONDITION || !report) throw error;
      // It was offered something else before, and has it for good if this is the way to it.
      if (report.controlSha256 === wanted) throw error;
      await this.confirmAs(channel, report.controlSha256).catch(() => {
        throw error;
      });
    }
  }

  private async confirmAs(channel: AgentChannel, sha256: string): Promise<void> {
    const method = AgentService.confirmControlConfig;
    await this.agents.call(channel, method, { sha256 }, CALL_DEADLINE_MS);
  }

  /**
   * The next way is given up only when the agent answers through the present one: one that does not
   * may have taken a confirmation whose answer was lost, and then the next is the only way to it.
   */
  private async giveUp(machine: Machine, next: ControlFile, cause: unknown): Promise<void> {
    const { target } = machine.wanted;
    const { id } = target;
    postpone(machine);
    try {
      const { controlSha256 } = await this.agents.getStatus(target);
      if (controlSha256 === next.sha256) throw new Error('It moves just now', { cause });
    } catch (error) {
      this.logger.warn(`The control client of machine ${id} moves on: ${String(error)}`);
      return this.reconciler.request(); // it was not followed any more
    }
    this.problem(machine, next, cause);
    await this.channels.abandonMove(id, next.port);
    await this.reconciler.settled();
  }

  private problem(machine: Machine, file: ControlFile, cause: unknown): void {
    const { target } = machine.wanted;
    const reason = withoutSecrets(messageOf(cause), file.toml);
    const problem =
      `The control client could not be moved to ${addressIn(file)}: ${reason}; ` +
      `the agent is still reached through ${target.agentAddr}`;
    this.logger.warn(`Machine ${target.id}: ${problem}`);
    this.tell(machine, problem);
  }

  private tell({ wanted }: Machine, problem: string | null): void {
    const machineId = wanted.target.id;
    if (this.problems.set(machineId, problem)) this.events.changed.next({ machineId });
  }

  private wake(machine: Machine): void {
    clearTimeout(machine.retry);
    const waitMs = machine.retryAt - Date.now();
    const { id } = machine.wanted.target;
    if (waitMs > 0) machine.retry = setTimeout(() => this.kick(id), waitMs);
  }
}

const newMachine = (wanted: WantedControl): Machine => ({
  wanted,
  sha256: null,
  attempt: null,
  failures: 0,
  retryAt: 0,
  working: false,
  again: false,
  retry: undefined,
});

function change(machine: Machine, wanted: WantedControl): void {
  const { wanted: before, attempt } = machine;
  machine.wanted = wanted;
  if (wanted.target.agentAddr !== before.target.agentAddr) machine.sha256 = null;
  if (wanted.present.sha256 !== before.present.sha256) {
    machine.failures = 0;
    machine.retryAt = 0;
  }
  // With the token, the content says which port: what is under way is still what is wanted.
  if (attempt?.next.sha256 === wanted.next?.sha256) return;
  attempt?.abort.abort();
}

/** To be tried again, later each time. */
function postpone(machine: Machine): void {
  machine.failures += 1;
  machine.retryAt = Date.now() + retryPushAfterMs(machine.failures);
}

const addressIn = ({ toml }: ControlFile): string => parseClient(toml).remoteAddr;

const notReached = ({ message }: AgentUnreachableError): string =>
  `nobody answered through it within ${CONFIRM_WITHIN_S} s (${message})`;

/** Of an answer of the agent, its words alone. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return (error as Partial<ServiceError>).details ?? error.message;
}
