import type { FeatureParts } from '../feature-parts.js';
import { ConfigPusher } from './config-pusher.js';
import { ControlMover } from './control-mover.js';
import { EdgeController } from './edge.controller.js';
import { FetchedConfigs } from './fetched-configs.js';
import { PushProof } from './push-proof.js';
import { RatholeServer } from './rathole/rathole-server.js';
import { Reconciler } from './reconciler.js';

export const EDGE: FeatureParts = {
  controllers: [EdgeController],
  providers: [ConfigPusher, ControlMover, FetchedConfigs, PushProof, RatholeServer, Reconciler],
};
