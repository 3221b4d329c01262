import { Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { AgentClient, type AgentTarget } from '../agent/agent-client.js';
import { MachineEvents } from '../status/machine-events.js';
import { decideHeal, HEAL_MEMORY_MS } from './heal-rule.js';
import { MachineHeal } from './machine-heal.entity.js';

/** Restarts a data client that does not serve, through the control client, which does. */
@Injectable()
export class SelfHeal {
  private readonly logger = new Logger(SelfHeal.name);
  private readonly healing = new Set<string>();

  constructor(
    @InjectRepository(MachineHeal) private readonly heals: Repository<MachineHeal>,
    private readonly agents: AgentClient,
    private readonly events: MachineEvents,
  ) {}

  /**
   * Restarts the data client unless it was done just before, or too often. Resolves with whether it
   * was restarted. @throws AgentUnreachableError
   */
  async restart(target: AgentTarget, reason: string): Promise<boolean> {
    if (this.healing.has(target.id)) return false;
    this.healing.add(target.id);
    try {
      return await this.attempt(target, reason);
    } finally {
      this.healing.delete(target.id);
    }
  }

  private async attempt(target: AgentTarget, reason: string): Promise<boolean> {
    const now = new Date();
    const history = await this.heals.findOneBy({ machineId: target.id });
    const decision = decideHeal(history, now);
    if (!decision.restart) {
      this.logger.debug(`Not restarting the data client of ${target.id}: ${decision.because}`);
      return false;
    }
    // A machine that is away is not unwell: what cannot be done must not count as tried.
    await this.agents.getStatus(target);
    const forgotten = !history || now.getTime() - history.attemptedAt.getTime() >= HEAL_MEMORY_MS;
    const attempts = forgotten ? 1 : history.attempts + 1;
    // Written first: a crash right after must not make the next start forget the attempt.
    await this.heals.upsert({ machineId: target.id, attempts, attemptedAt: now, reason }, [
      'machineId',
    ]);
    this.logger.warn(`Restarting the data client of ${target.id} (attempt ${attempts}): ${reason}`);
    await this.agents.restartRathole(target, reason);
    this.events.changed.next({ machineId: target.id });
    return true;
  }
}
