import type { FeatureParts } from '../feature-parts.js';
import { EdgeMeter } from './edge-meter.js';
import { MetricCadence } from './metric-cadence.js';
import { MetricController } from './metric.controller.js';
import { MetricFollower } from './metric-follower.js';
import { MetricHistory } from './metric-history.js';
import { MetricPublisher } from './metric-publisher.js';
import { MetricRecorder } from './metric-recorder.js';
import { MetricStore } from './metric-store.js';

export const METRIC: FeatureParts = {
  controllers: [MetricController],
  providers: [
    EdgeMeter,
    MetricCadence,
    MetricFollower,
    MetricHistory,
    MetricPublisher,
    MetricRecorder,
    MetricStore,
  ],
};
