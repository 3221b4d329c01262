import { Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { AgentClient } from '../agent/agent-client.js';
import type { AgentReport } from '../agent/agent-report.js';
import { AgentUnreachableError } from '../machine.errors.js';
import { MachineService, type MachineWithAgent } from '../machine.service.js';
import { StatusRecorder } from '../status/status-recorder.js';
import { forEachLimit } from './for-each-limit.js';
import { SelfHeal } from './self-heal.js';

export const MACHINE_HEALTH_SWEEP = 'machine-health-sweep';
/** More in flight gains nothing, as measured with 1,000 agents. */
const MAX_CONCURRENT_LOOKS = 50;

export interface SweepResult {
  answered: number;
  silent: number;
  failed: number;
}

/** The backstop behind the status streams, and what repairs machines that answer but are unwell. */
@Injectable()
export class MachineHealthSweep {
  private readonly logger = new Logger(MachineHealthSweep.name);

  constructor(
    private readonly machines: MachineService,
    private readonly agents: AgentClient,
    private readonly recorder: StatusRecorder,
    private readonly heal: SelfHeal,
  ) {}

  /** Skipped while the previous run is still going: a slow fleet must not stack sweeps. */
  @Cron(CronExpression.EVERY_MINUTE, { name: MACHINE_HEALTH_SWEEP, waitForCompletion: true })
  async run(): Promise<SweepResult> {
    const result: SweepResult = { answered: 0, silent: 0, failed: 0 };
    await forEachLimit(await this.targets(), MAX_CONCURRENT_LOOKS, async (machine) => {
      try {
        result[await this.look(machine)] += 1;
      } catch (error) {
        // One broken machine must not end the sweep for the rest.
        result.failed += 1;
        this.logger.error(`Health check of ${machine.name} failed: ${String(error)}`);
      }
    });
    return result;
  }

  private async targets(): Promise<MachineWithAgent[]> {
    try {
      return await this.machines.listWithAgent();
    } catch (error) {
      this.logger.error(`No sweep, the database did not answer: ${String(error)}`);
      return [];
    }
  }

  private async look(machine: MachineWithAgent): Promise<'answered' | 'silent'> {
    const target = { id: machine.id, agentAddr: machine.agentAddr };
    let report: AgentReport;
    try {
      report = await this.agents.getStatus(target);
    } catch (error) {
      if (!(error instanceof AgentUnreachableError)) throw error;
      await this.recorder.record({ target, at: new Date(), silence: error.message });
      return 'silent';
    }
    await this.recorder.record({ target, at: new Date(), report });
    const state = report.data?.state;
    if (state === 'stopped' || state === 'frozen') {
      await this.heal.restart(target, `The data client is ${state}`);
    }
    return 'answered';
  }
}
