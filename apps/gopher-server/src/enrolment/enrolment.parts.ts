import type { FeatureParts } from '../feature-parts.js';
import { BackChannels } from './back-channels.js';
import { EnrolmentController } from './enrolment.controller.js';
import { EnrolmentService } from './enrolment.service.js';
import { JoinTokens } from './join-tokens.js';

export const ENROLMENT: FeatureParts = {
  controllers: [EnrolmentController],
  providers: [BackChannels, EnrolmentService, JoinTokens],
};
