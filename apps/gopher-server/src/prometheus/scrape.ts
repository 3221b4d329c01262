import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { type Collector, MetricsRegistry } from './collector.js';
import { DatabaseMetrics } from './database-metrics.js';
import { EdgeMetrics } from './edge-metrics.js';
import { FleetMetrics } from './fleet-metrics.js';

/** Whoever asks again so soon is told the same. */
const FRESH_MS = 1_000;
/** Prometheus gives up after 10 s. */
const PATIENCE_MS = 3_000;

/** Answers Prometheus, reading everything once however many ask. What is away is left out. */
@Injectable()
export class Scrape {
  private readonly logger = new Logger(Scrape.name);
  private readonly collectors: readonly Collector[];
  private readonly success: Gauge<'collector'>;
  private reading: Promise<string> | null = null;
  private readAt = -Infinity;

  constructor(
    private readonly registry: MetricsRegistry,
    database: DatabaseMetrics,
    edge: EdgeMetrics,
    fleet: FleetMetrics,
  ) {
    this.collectors = [database, edge, fleet];
    this.success = new Gauge({
      name: 'gopher_collector_success',
      help: '1: what this part shows was read for this answer; 0: it could not be read',
      labelNames: ['collector'],
      registers: [registry],
    });
  }

  text(): Promise<string> {
    if (this.reading && performance.now() - this.readAt < FRESH_MS) return this.reading;
    this.readAt = Infinity; // until it is known when it was read
    this.reading = this.read().finally(() => (this.readAt = performance.now()));
    return this.reading;
  }

  private async read(): Promise<string> {
    await Promise.all(this.collectors.map((collector) => this.collect(collector)));
    return this.registry.metrics();
  }

  private async collect(collector: Collector): Promise<void> {
    const { name } = collector;
    const patience = new AbortController();
    try {
      const late = delay(PATIENCE_MS, undefined, { signal: patience.signal }).then(() => {
        throw new Error(`No answer within ${PATIENCE_MS} ms`);
      });
      await Promise.race([collector.collect(), late]);
      this.success.set({ collector: name }, 1);
    } catch (error) {
      this.logger.warn(`The metrics "${name}" could not be read: ${String(error)}`);
      collector.forget();
      this.success.set({ collector: name }, 0);
    } finally {
      patience.abort();
    }
  }
}
