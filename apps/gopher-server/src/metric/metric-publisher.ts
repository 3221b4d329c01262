import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { EdgeEvents } from '../event/edge-events.js';
import { MetricBoard } from './metric-board.js';
import { MetricCadence } from './metric-cadence.js';
import { toMetricSampleView } from './metric.schema.js';

/** Brings every sample to those who read it live, and has it come finely while somebody does. */
@Injectable()
export class MetricPublisher implements OnApplicationBootstrap, OnApplicationShutdown {
  private subscription: Subscription | null = null;

  constructor(
    private readonly board: MetricBoard,
    private readonly cadence: MetricCadence,
    private readonly events: EdgeEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.events.feed('metrics', this.cadence);
    this.subscription = this.board.sampled.subscribe(({ about, metrics }) => {
      const view = toMetricSampleView(about === 'edge' ? null : about, metrics);
      this.events.publish('metrics', about, 'metrics', view);
    });
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
  }
}
