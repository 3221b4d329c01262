import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { AgentTarget, HostSample } from '@gopher/machine';
import { AgentMetricClient } from './agent-metric-client.js';
import { MetricBoard } from './metric-board.js';
import { MetricCadence } from './metric-cadence.js';

const FIRST_PAUSE_MS = 1_000;
/** Whether an agent is there at all is found out by who watches its status. */
const LONGEST_PAUSE_MS = 10_000;
/** An agent is not upgraded often. */
const OLDER_PAUSE_MS = 60_000;
/** No agent that keeps to what it was asked for is quicker. */
const SHORTEST_GAP_MS = 250;
const MAX_REASON = 200;
const OLDER = 'The agent is of a release that does not measure; install the present one there';

/** Has a machine measured for as long as it has an agent, as often as the cadence says. */
@Injectable()
export class MetricFollower {
  private readonly logger = new Logger(MetricFollower.name);

  constructor(
    private readonly agents: AgentMetricClient,
    private readonly board: MetricBoard,
    private readonly cadence: MetricCadence,
  ) {}

  /** Ends when `signal` aborts; rejects never. */
  async run(target: AgentTarget, signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      const samples = await this.followAtOnePace(target, signal);
      if (signal.aborted) break;
      if (samples === 'other-pace') continue;
      failures = samples === 'some' ? 0 : failures + 1;
      await this.pause(target.id, samples, failures, signal);
    }
    this.board.forget(target.id);
  }

  /** Until the stream ends or the pace has to change. */
  private async followAtOnePace(target: AgentTarget, signal: AbortSignal): Promise<Outcome> {
    const stage = new AbortController();
    const end = () => stage.abort();
    signal.addEventListener('abort', end, { once: true });
    const unsubscribe = this.cadence.onChange(target.id, end);
    try {
      return await this.followOnce(target, stage.signal);
    } catch (error) {
      this.logger.warn(`Machine ${target.id} is not measured: ${String(error)}`);
      return 'none';
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', end);
    }
  }

  private async followOnce(target: AgentTarget, signal: AbortSignal): Promise<Outcome> {
    const { id } = target;
    let nextAt = -Infinity;
    let count = 0;
    const onSample = (sample: HostSample) => {
      const now = performance.now();
      if (signal.aborted || now < nextAt) return;
      nextAt = now + SHORTEST_GAP_MS;
      count += 1;
      this.board.record(id, sample);
    };
    const intervalMs = this.cadence.intervalMs(id);
    const { older, reason } = await this.agents.follow(target, intervalMs, onSample, signal);
    if (signal.aborted) return 'other-pace';
    if (older) this.noteOlder(id);
    else this.board.noteProblem(id, `The agent does not answer: ${cut(reason)}`);
    if (older) return 'older';
    return count > 0 ? 'some' : 'none';
  }

  private noteOlder(id: string): void {
    if (this.board.problem(id) !== OLDER) this.logger.log(`Machine ${id}: ${OLDER}`);
    this.board.noteProblem(id, OLDER);
  }

  /** Full jitter: a fleet that was cut off together does not come back together. */
  private async pause(
    id: string,
    outcome: Outcome,
    failures: number,
    signal: AbortSignal,
  ): Promise<void> {
    const patience = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
    const longest = outcome === 'older' ? OLDER_PAUSE_MS : patience;
    await delay(Math.random() * longest, undefined, { signal }).catch(() => {});
  }
}

/** It may be the agent's own words. */
const cut = (text: string): string => text.slice(0, MAX_REASON).toWellFormed();

type Outcome = 'other-pace' | 'some' | 'none' | 'older';
