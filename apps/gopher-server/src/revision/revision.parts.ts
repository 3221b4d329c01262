import type { FeatureParts } from '../feature-parts.js';
import { RevisionController } from './revision.controller.js';
import { RevisionHistory } from './revision-history.js';
import { Revisions } from './revisions.js';
import { Rollback } from './rollback.js';

export const REVISION: FeatureParts = {
  controllers: [RevisionController],
  providers: [RevisionHistory, Revisions, Rollback],
};
