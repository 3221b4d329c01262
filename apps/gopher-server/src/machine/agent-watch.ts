import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { AgentClient, type AgentTarget, StatusRecorder } from '@gopher/machine';
import { AgentConfigClient } from './agent-config-client.js';

/** Quick at first: a silent agent has to show as such within 15 s, and a new one is awaited. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 32_000;
const QUICK_ATTEMPTS = 30;

/** Hears of an agent's changes at once, for as long as the machine has one. */
@Injectable()
export class AgentWatch {
  private readonly logger = new Logger(AgentWatch.name);

  constructor(
    private readonly agents: AgentClient,
    private readonly streams: AgentConfigClient,
    private readonly recorder: StatusRecorder,
  ) {}

  /** Ends when `signal` aborts; rejects never. */
  async run(target: AgentTarget, signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      failures = (await this.watchOnce(target, signal)) ? 0 : failures + 1;
      await pause(failures, signal);
    }
  }

  /** Resolves, when the stream has ended, with whether the agent answered at all. */
  private async watchOnce(target: AgentTarget, signal: AbortSignal): Promise<boolean> {
    let answered = false;
    let silence: string;
    try {
      // First a call with a deadline: a stream to a frozen agent would wait for ever.
      const report = await this.agents.getStatus(target);
      answered = true;
      await this.recorder.record({ target, at: new Date(), report });
      if (signal.aborted) return answered;
      const onReport = (next: typeof report) => {
        this.recorder
          .record({ target, at: new Date(), report: next })
          .catch((error: unknown) => this.logger.warn(`Not recorded: ${String(error)}`));
      };
      silence = await this.streams.watch(target, onReport, signal);
    } catch (error) {
      silence = error instanceof Error ? error.message : String(error);
    }
    if (!signal.aborted) await this.recordSilence(target, silence);
    return answered;
  }

  private async recordSilence(target: AgentTarget, silence: string): Promise<void> {
    try {
      await this.recorder.record({ target, at: new Date(), silence });
    } catch (error) {
      this.logger.warn(`Not recorded: ${String(error)}`);
    }
  }
}

/** Full jitter: a fleet that was cut off together does not come back together. */
async function pause(failures: number, signal: AbortSignal): Promise<void> {
  const patience = 2 ** Math.max(0, failures - QUICK_ATTEMPTS);
  const longest = Math.min(FIRST_PAUSE_MS * patience, LONGEST_PAUSE_MS);
  await delay(Math.random() * longest, undefined, { signal }).catch(() => {});
}
