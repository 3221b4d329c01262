import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Counter, Histogram } from 'prom-client';
import type { Subscription } from 'rxjs';
import { ConfigPusher, PUSH_RESULTS } from '../edge/config-pusher.js';
import { MetricsRegistry } from './collector.js';

/** From a rename on the machine to the 30 s within which it must be confirmed. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

@Injectable()
export class PushMetrics implements OnModuleInit, OnModuleDestroy {
  private readonly pushes: Counter<'result'>;
  private readonly duration: Histogram;
  private subscription: Subscription | undefined;

  constructor(
    registry: MetricsRegistry,
    private readonly pusher: ConfigPusher,
  ) {
    const registers = [registry];
    this.pushes = new Counter({
      name: 'gopher_pushes_total',
      help: 'Configurations that were pushed to machines, by how that ended',
      labelNames: ['result'],
      registers,
    });
    this.duration = new Histogram({
      name: 'gopher_push_duration_seconds',
      help: 'From the beginning of a push to its confirmation, of those that were applied',
      buckets: BUCKETS,
      registers,
    });
    for (const result of PUSH_RESULTS) this.pushes.inc({ result }, 0);
  }

  onModuleInit(): void {
    this.subscription = this.pusher.ended.subscribe(({ result, durationMs }) => {
      this.pushes.inc({ result });
      if (result === 'applied') this.duration.observe(durationMs / 1_000);
    });
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }
}
