import type { FeatureParts } from '../feature-parts.js';
import { DiagnosisController } from './diagnosis.controller.js';
import { DiagnosisService } from './diagnosis.service.js';
import { EDGE_CHECKS, EdgeChecks } from './edge-checks.js';
import { EdgeFolders } from './edge-folders.js';
import { ExaminedMachines } from './examined-machine.js';

export const DIAGNOSIS: FeatureParts = {
  controllers: [DiagnosisController],
  providers: [...EDGE_CHECKS, DiagnosisService, EdgeChecks, EdgeFolders, ExaminedMachines],
};
