import { readdir } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { EdgeEvents } from '../event/edge-events.js';
import { TOPICS } from '../event/topics.js';
import { MetricsRegistry } from './collector.js';

const STARTED_AT_S = performance.timeOrigin / 1_000;

/**
 * gopher-server itself, by the names that Prometheus gives to every process, and its readers. Not
 * prom-client's own set: its watch over the event loop costs 0.5 % of a core all the time.
 */
@Injectable()
export class ProcessMetrics {
  constructor(registry: MetricsRegistry, events: EdgeEvents) {
    registry.reading('process_start_time_seconds', 'When gopher-server began', () => STARTED_AT_S);
    registry.reading('process_resident_memory_bytes', 'Memory of gopher-server', () =>
      process.memoryUsage.rss(),
    );
    registry.reading(
      'process_open_fds',
      'File descriptors of gopher-server',
      async () => (await readdir('/proc/self/fd')).length,
    );
    registry.counting('process_cpu_seconds_total', 'CPU time of gopher-server', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    registry.counting(
      'nodejs_eventloop_active_seconds_total',
      'How long the event loop was busy; its rate is its utilization',
      () => performance.eventLoopUtilization().active / 1_000,
    );
    registry.reading(
      'gopher_event_readers',
      'Who follows /api/v1/events',
      () => events.readerCount,
    );
    registry.counting(
      'gopher_events_lost_total',
      'Events that were not told because a reader was too slow, once for each such reader',
      () => events.lost,
    );
    const collect = function (this: Counter<'topic'>) {
      this.reset();
      for (const topic of TOPICS) this.inc({ topic }, events.published.get(topic) ?? 0);
    };
    registry.registerMetric(
      new Counter({
        name: 'gopher_events_total',
        help: 'Events that were published, by topic',
        labelNames: ['topic'],
        registers: [],
        collect,
      }),
    );
  }
}
