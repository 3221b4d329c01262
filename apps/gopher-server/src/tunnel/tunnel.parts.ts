import type { FeatureParts } from '../feature-parts.js';
import { FoundServiceController } from './found-service.controller.js';
import { PortLeases } from './port-leases.js';
import { PortProbe } from './port-probe.js';
import { TunnelController } from './tunnel.controller.js';
import { TunnelRestore } from './tunnel-restore.js';
import { TunnelService } from './tunnel.service.js';

export const TUNNEL: FeatureParts = {
  controllers: [FoundServiceController, TunnelController],
  providers: [PortLeases, PortProbe, TunnelRestore, TunnelService],
};
