import { z } from 'zod';

export const edgeView = z
  .object({
    id: z.uuid(),
    name: z.string(),
    version: z.string().meta({ description: 'The release of gopher-server' }),
    publicUrl: z.string(),
    caFingerprint: z.string().meta({ description: 'SHA-256, lower-case hex' }),
    rathole: z.object({
      state: z.enum(['running', 'stopped', 'backing-off', 'missing', 'failed']),
      pid: z.int().nullable(),
      adopted: z.boolean(),
      restartNeeded: z.boolean(),
      version: z.string().nullable(),
      problem: z.string().nullable().meta({ description: 'What is wrong and what to do' }),
    }),
  })
  .meta({ id: 'Edge' });
export type EdgeStatusView = z.output<typeof edgeView>;
