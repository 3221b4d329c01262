import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import type { Subscription } from 'rxjs';
import type { HostMetrics } from '@gopher/machine';
import type { About } from '../event/topics.js';
import { MetricBoard } from './metric-board.js';
import { BucketSum } from './bucket-sum.js';
import { type MetricBucket, MetricStore, RESOLUTION_SECONDS } from './metric-store.js';

const FLUSH_INTERVAL_MS = 5_000;
const PURGE_INTERVAL_MS = 60_000;
/** While the database is slow; more are lost. */
const MAX_WAITING = 4_000;
const RESOLUTION_MS = RESOLUTION_SECONDS * 1_000;

/** Keeps one row of each host for every 15 s, whatever the cadence. */
@Injectable()
export class MetricRecorder implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(MetricRecorder.name);
  private readonly open = new Map<About, BucketSum>();
  private waiting: MetricBucket[] = [];
  private flushing = false;
  private lost = 0;
  private subscription: Subscription | null = null;

  constructor(
    private readonly board: MetricBoard,
    private readonly store: MetricStore,
  ) {}

  onApplicationBootstrap(): void {
    this.subscription = this.board.sampled.subscribe(({ about, metrics }) => {
      this.add(about, metrics);
    });
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
  }

  /** Writes what is whole, of all hosts at once. What cannot be written is lost, and it is said once. */
  @Interval(FLUSH_INTERVAL_MS)
  async flush(now = Date.now()): Promise<void> {
    for (const [about, sum] of this.open) {
      if (sum.bucketMs + RESOLUTION_MS > now) continue;
      this.open.delete(about);
      this.waiting.push(toRow(about, sum));
    }
    if (this.flushing || this.waiting.length === 0) return;
    this.flushing = true;
    const rows = this.waiting;
    this.waiting = [];
    try {
      await this.store.insert(rows);
      this.noteKept();
    } catch (error) {
      this.noteLost(rows.length, error);
    } finally {
      this.flushing = false;
    }
  }

  @Interval(PURGE_INTERVAL_MS)
  async purge(): Promise<void> {
    await this.store.purge().catch((error: unknown) => {
      this.logger.debug(`Old measurements could not be removed: ${String(error)}`);
    });
  }

  private add(about: About, metrics: HostMetrics): void {
    const bucketMs = Math.floor(metrics.observedAt.getTime() / RESOLUTION_MS) * RESOLUTION_MS;
    const known = this.open.get(about);
    if (known?.bucketMs === bucketMs) return known.add(metrics);
    if (known) this.waiting.push(toRow(about, known));
    this.open.set(about, new BucketSum(bucketMs, metrics));
    const excess = this.waiting.length - MAX_WAITING;
    if (excess > 0) this.lost += this.waiting.splice(0, excess).length;
  }

  private noteLost(count: number, error: unknown): void {
    if (this.lost === 0) {
      this.logger.warn(
        `Measurements are not kept, the database did not take them: ${String(error)}`,
      );
    }
    this.lost += count;
  }

  private noteKept(): void {
    if (this.lost > 0) this.logger.log(`Measurements are kept again; ${this.lost} are lost`);
    this.lost = 0;
  }
}

const toRow = (about: About, sum: BucketSum): MetricBucket => ({
  bucket: new Date(sum.bucketMs),
  resolutionSeconds: RESOLUTION_SECONDS,
  machineId: about === 'edge' ? null : about,
  ...sum.figures(),
});
