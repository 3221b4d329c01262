import { Injectable } from '@nestjs/common';
import { MachineService } from '@gopher/machine';
import type { About } from '../event/topics.js';
import { MetricBoard } from './metric-board.js';
import {
  type MetricHistoryView,
  type MetricPointView,
  type MetricQuery,
  toMetricSampleView,
} from './metric.schema.js';
import { type MetricBucket, MetricStore } from './metric-store.js';
import { withRates } from './rates.js';

const NO_AGENT = 'The machine has no agent, which is what measures';

/** What was measured: now, and over the last hour. */
@Injectable()
export class MetricHistory {
  constructor(
    private readonly machines: MachineService,
    private readonly board: MetricBoard,
    private readonly store: MetricStore,
  ) {}

  /** @throws MachineNotFoundError */
  async ofMachine(id: string, query: MetricQuery): Promise<MetricHistoryView> {
    const { agentAddr } = await this.machines.get(id);
    if (agentAddr !== null) return this.of(id, id, query);
    return { newest: null, problem: NO_AGENT, items: await this.items(id, query) };
  }

  ofEdge(query: MetricQuery): Promise<MetricHistoryView> {
    return this.of('edge', null, query);
  }

  private async of(
    about: About,
    machineId: string | null,
    query: MetricQuery,
  ): Promise<MetricHistoryView> {
    const items = await this.items(machineId, query);
    const newest = this.board.get(about);
    const problem = this.board.problem(about);
    return { newest: newest && toMetricSampleView(machineId, newest), problem, items };
  }

  private async items(machineId: string | null, query: MetricQuery): Promise<MetricPointView[]> {
    const { since = 0, limit } = query;
    const buckets = await this.store.list(machineId, new Date(since), limit);
    return buckets.map((bucket, i) => toPoint(buckets[i - 1] ?? null, bucket));
  }
}

function toPoint(before: MetricBucket | null, bucket: MetricBucket): MetricPointView {
  return {
    from: bucket.bucket.toISOString(),
    resolutionSeconds: bucket.resolutionSeconds,
    samples: bucket.samples,
    cpuUsageAvg: bucket.cpuAvg,
    cpuUsageMax: bucket.cpuMax,
    memoryUsedBytesAvg: bucket.memoryUsedAvg,
    memoryUsedBytesMax: bucket.memoryUsedMax,
    last: toMetricSampleView(bucket.machineId, withRates(before?.last ?? null, bucket.last)),
  };
}
