import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { AgentClient, type AgentTarget, MachineEvents, SelfHeal } from '@gopher/machine';
import { type CheckedAgent, lookAtDataPath } from './data-path-look.js';
import { DataPaths } from './data-paths.js';
import { echo } from './echo.js';

const INTERVAL_MS = 5_000;
const ECHO_TIMEOUT_MS = 3_000;
/** A lost echo can be a client that is just starting; for so long in a row it is one that is stuck. */
const UNWELL_MS = 4_000;
/** Through a client that serves, an echo takes one round trip. */
const LAST_ECHO_TIMEOUT_MS = 1_000;

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
      const agent = { target, checkPort };
      const { passes, detail } = await lookAtDataPath(this.agents, agent, ECHO_TIMEOUT_MS);
      const problem = passes === false ? detail : null;
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
