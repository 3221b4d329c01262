import { z } from 'zod';

const MAX_TARGETS = 1_000;

export const checkTargets = z.object({
  targets: z
    .array(z.object({ service: z.string().min(1).max(200), application: z.int() }))
    .max(MAX_TARGETS),
});
