import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Counter, Histogram } from 'prom-client';
import type { Subscription } from 'rxjs';
import { PROBE_OUTCOMES } from '../probe/probe.js';
import { ProbeEvents } from '../probe/probe-events.js';
import { MetricsRegistry } from './collector.js';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

@Injectable()
export class ProbeMetrics implements OnModuleInit, OnModuleDestroy {
  private readonly probes: Counter<'result'>;
  private readonly duration: Histogram;
  private subscription: Subscription | undefined;

  constructor(
    registry: MetricsRegistry,
    private readonly events: ProbeEvents,
  ) {
    const registers = [registry];
    this.probes = new Counter({
      name: 'gopher_probes_total',
      help: 'Probes of tunnels, by what came of them',
      labelNames: ['result'],
      registers,
    });
    this.duration = new Histogram({
      name: 'gopher_probe_duration_seconds',
      help: 'How long a visitor waited, of probes that passed',
      buckets: BUCKETS,
      registers,
    });
    for (const result of PROBE_OUTCOMES) this.probes.inc({ result }, 0);
  }

  onModuleInit(): void {
    this.subscription = this.events.probed.subscribe(({ result, totalMs }) => {
      this.probes.inc({ result: result.outcome });
      if (totalMs !== null) this.duration.observe(totalMs / 1_000);
    });
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }
}
