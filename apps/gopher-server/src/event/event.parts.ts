import type { FeatureParts } from '../feature-parts.js';
import { EdgeEvents } from './edge-events.js';
import { EventController } from './event.controller.js';
import { EventSources } from './event-sources.js';

export const EVENT: FeatureParts = {
  controllers: [EventController],
  providers: [EdgeEvents, EventSources],
};
