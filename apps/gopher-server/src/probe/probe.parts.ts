import type { FeatureParts } from '../feature-parts.js';
import { ActiveProber } from './active-prober.js';
import { EdgeSight } from './edge-sight.js';
import { MachineLook } from './machine-look.js';
import { PortWatch } from './port-watch.js';
import { ProbeController } from './probe.controller.js';
import { ProbeEvents } from './probe-events.js';
import { ProbeLog } from './probe-log.js';
import { ProbeStore } from './probe-store.js';
import { ProbeTurns } from './probe-turns.js';
import { Suspects } from './suspects.js';
import { TunnelProber } from './tunnel-prober.js';
import { TunnelStates } from './tunnel-states.js';
import { TunnelVisitor } from './tunnel-visitor.js';
import { VisitorTraffic } from './visitor-traffic.js';

export const PROBE: FeatureParts = {
  controllers: [ProbeController],
  providers: [
    ActiveProber,
    EdgeSight,
    MachineLook,
    PortWatch,
    ProbeEvents,
    ProbeLog,
    ProbeStore,
    ProbeTurns,
    Suspects,
    TunnelProber,
    TunnelStates,
    TunnelVisitor,
    VisitorTraffic,
  ],
};
