import { z } from 'zod';
import { checkTargets } from '../rathole/target.schema.js';

export const runDiagnostics = z.object({
  edgeTime: z.date().optional(),
  expectedSha256: z.string().regex(/^(?:[0-9a-f]{64})?$/, 'is not SHA-256 in lower-case hex'),
  targets: checkTargets.shape.targets,
});
