import { Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Subject } from 'rxjs';
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
/** A look that takes longer goes on, but makes room: those who answer do not wait for the silent. */
const PATIENCE_MS = 250;
/** The next pass is due after 60 s, and must not find this one going on. */
const PASS_DEADLINE_MS = 50_000;

export interface SweepResult {
  answered: number;
  silent: number;
  failed: number;
}

/** The backstop behind the status streams, and what repairs machines that answer but are unwell. */
@Injectable()
export class MachineHealthSweep {
  /** A pass that knew which machines there are has ended. */
  readonly swept = new Subject<{ result: SweepResult; durationMs: number }>();

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
    const begun = performance.now();
    const result: SweepResult = { answered: 0, silent: 0, failed: 0 };
    const machines = await this.targets();
    if (!machines) return result;
    const looks: Promise<void>[] = [];
    const pass = forEachLimit(machines, MAX_CONCURRENT_LOOKS, async (machine) => {
      const look = this.lookSafely(machine, result);
      looks.push(look);
      await within(PATIENCE_MS, look);
    }).then(() => Promise.all(looks));
    const inTime = await within(PASS_DEADLINE_MS, pass);
    if (!inTime) {
      const open = machines.length - result.answered - result.silent - result.failed;
      result.failed += open;
      this.logger.error(`The sweep was ended with ${open} machines not looked at in time`);
    }
    const found = { ...result };
    this.swept.next({ result: found, durationMs: performance.now() - begun });
    return found;
  }

  private async lookSafely(machine: MachineWithAgent, result: SweepResult): Promise<void> {
    try {
      result[await this.look(machine)] += 1;
    } catch (error) {
      // One broken machine must not end the sweep for the rest.
      result.failed += 1;
      this.logger.error(`Health check of ${machine.name} failed: ${String(error)}`);
    }
  }

  /** null: not known. */
  private async targets(): Promise<MachineWithAgent[] | null> {
    try {
      return await this.machines.listWithAgent();
    } catch (error) {
      this.logger.error(`No sweep, the database did not answer: ${String(error)}`);
      return null;
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

/** Resolves when `work` has ended or the time has, with whether `work` has. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const inTime = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}
