import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import {
  AgentClient,
  type AgentTarget,
  AgentUnreachableError,
  MachineEvents,
  SelfHeal,
} from '@gopher/machine';
import { DataPaths } from './data-paths.js';
import { echo } from './echo.js';

const INTERVAL_MS = 5_000;
const ECHO_TIMEOUT_MS = 3_000;
/** A lost echo can be a client that is just starting; for so long in a row it is one that is stuck. */
const UNWELL_MS = 4_000;
/** Through a client that serves, an echo takes one round trip. */
const LAST_ECHO_TIMEOUT_MS = 1_000;

export interface CheckedAgent {
  target: AgentTarget;
  checkPort: number;
}

/**
 * Sends a few bytes through a machine's data client and back, on a connection made for it. A client
 * may run, be connected and still serve nobody; only bytes tell.
 */
@Injectable()
export class DataCheck {
  private readonly logger = new Logger(DataCheck.name);

  constructor(
    private readonly agents: AgentClient,
    private readonly paths: DataPaths,
    private readonly heal: SelfHeal,
    private readonly events: MachineEvents,
  ) {}

  /** Ends when `signal` aborts; rejects never. */
  async run({ target, checkPort }: CheckedAgent, signal: AbortSignal): Promise<void> {
    let failingSince: number | null = null;
    while (!signal.aborted) {
      const begunAt = performance.now();
      const problem = await this.problemOf(target, checkPort);
      if (signal.aborted) return;
      failingSince = problem === null ? null : (failingSince ?? begunAt);
      this.note(target.id, problem);
      if (failingSince !== null && performance.now() - failingSince >= UNWELL_MS) {
        // While that echo was lost the agent may have restarted it: what serves must not be cut off.
        const last = await echo(checkPort, LAST_ECHO_TIMEOUT_MS);
        if (last !== null && !signal.aborted) await this.restart(target, last.detail);
      }
      await this.untilNext(failingSince !== null, signal);
    }
  }

  /** null: it serves, as far as can be told. */
  private async problemOf(target: AgentTarget, checkPort: number): Promise<string | null> {
    const problem = await echo(checkPort, ECHO_TIMEOUT_MS);
    if (!problem?.closed) return problem?.detail ?? null;
    // It is the agent who echoes: when it is gone, this is how a client that serves ends a visit.
    return (await this.answers(target)) ? problem.detail : null;
  }

  private async answers(target: AgentTarget): Promise<boolean> {
    try {
      await this.agents.getStatus(target);
      return true;
    } catch (error) {
      return !(error instanceof AgentUnreachableError);
    }
  }

  private note(machineId: string, problem: string | null): void {
    const before = this.paths.get(machineId);
    const serves = problem === null;
    this.paths.set(machineId, { serves, observedAt: new Date(), detail: problem ?? '' });
    if (before?.serves !== serves) this.events.changed.next({ machineId });
  }

  private async restart(target: AgentTarget, problem: string): Promise<void> {
    try {
      await this.heal.restart(target, `No bytes pass it: ${problem}`);
    } catch (error) {
      this.logger.debug(`The data client of ${target.id} could not be restarted: ${String(error)}`);
    }
  }

  private async untilNext(failing: boolean, signal: AbortSignal): Promise<void> {
    // Spread, so that a fleet is not asked all at once; sooner while it is not clear what is wrong.
    const waitMs = failing ? 1_000 : INTERVAL_MS * (0.8 + 0.2 * Math.random());
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}
