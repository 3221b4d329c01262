import type { FeatureParts } from '../feature-parts.js';
import { AgentFollower } from './agent-follower.js';
import { AgentWatch } from './agent-watch.js';
import { CertificateRenewal } from './certificate-renewal.js';
import { DataCheck } from './data-check.js';
import { MachineAdmission } from './machine-admission.js';
import { MachineController } from './machine.controller.js';

export const MACHINE: FeatureParts = {
  controllers: [MachineController],
  providers: [AgentFollower, AgentWatch, CertificateRenewal, DataCheck, MachineAdmission],
};
