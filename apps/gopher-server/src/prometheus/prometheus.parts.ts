import type { FeatureParts } from '../feature-parts.js';
import { DatabaseMetrics } from './database-metrics.js';
import { EdgeMetrics } from './edge-metrics.js';
import { FleetMetrics } from './fleet-metrics.js';
import { MetricsRegistry } from './collector.js';
import { MetricsToken } from './metrics-token.js';
import { ProbeMetrics } from './probe-metrics.js';
import { ProcessMetrics } from './process-metrics.js';
import { PrometheusController } from './prometheus.controller.js';
import { PushMetrics } from './push-metrics.js';
import { Scrape } from './scrape.js';
import { SweepMetrics } from './sweep-metrics.js';

export const PROMETHEUS: FeatureParts = {
  controllers: [PrometheusController],
  providers: [
    DatabaseMetrics,
    EdgeMetrics,
    FleetMetrics,
    MetricsRegistry,
    MetricsToken,
    ProbeMetrics,
    ProcessMetrics,
    PushMetrics,
    Scrape,
    SweepMetrics,
  ],
};
