import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Gauge, Histogram } from 'prom-client';
import type { Subscription } from 'rxjs';
import { MachineHealthSweep } from '@gopher/machine';
import { MetricsRegistry } from './collector.js';

const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 50];

@Injectable()
export class SweepMetrics implements OnModuleInit, OnModuleDestroy {
  private readonly duration: Histogram;
  private readonly machines: Gauge<'result'>;
  private readonly lastSuccess: Gauge;
  private subscription: Subscription | undefined;

  constructor(
    registry: MetricsRegistry,
    private readonly sweep: MachineHealthSweep,
  ) {
    const registers = [registry];
    this.duration = new Histogram({
      name: 'gopher_sweep_duration_seconds',
      help: 'How long a pass over all machines with an agent took',
      buckets: BUCKETS,
      registers,
    });
    this.machines = new Gauge({
      name: 'gopher_sweep_machines',
      help: 'What the last pass met, by machine',
      labelNames: ['result'],
      registers,
    });
    this.lastSuccess = new Gauge({
      name: 'gopher_sweep_last_success_timestamp_seconds',
      help: 'When a pass ended last that could look at every machine; 0: none has yet',
      registers,
    });
  }

  onModuleInit(): void {
    this.subscription = this.sweep.swept.subscribe(({ result, durationMs }) => {
      this.duration.observe(durationMs / 1_000);
      this.machines.set({ result: 'answered' }, result.answered);
      this.machines.set({ result: 'silent' }, result.silent);
      this.machines.set({ result: 'failed' }, result.failed);
      if (result.failed === 0) this.lastSuccess.set(Date.now() / 1_000);
    });
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }
}
