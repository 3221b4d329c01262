import type { FeatureParts } from '../feature-parts.js';
import { EdgeLogController } from './edge-log.controller.js';
import { EdgeLogs } from './edge-logs.js';
import { EdgeSecrets } from './edge-secrets.js';
import { LogFeed } from './log-feed.js';
import { LogService } from './log.service.js';
import { MachineLogController } from './machine-log.controller.js';

export const LOG: FeatureParts = {
  controllers: [EdgeLogController, MachineLogController],
  providers: [EdgeLogs, EdgeSecrets, LogFeed, LogService],
};
