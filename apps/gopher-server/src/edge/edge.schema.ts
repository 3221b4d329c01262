import { z } from 'zod';

/** What a rathole without some of Gopher's patches is not capable of. */
export const lackingCapabilities = z.array(
  z
    .object({
      id: z.string(),
      since: z.int(),
      side: z.enum(['server', 'client', 'both']),
      lacking: z.string(),
    })
    .meta({ id: 'RatholeLack' }),
);

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
      version: z.string().nullable().meta({
        example: '0.5.0+gopher.2',
        description: "Of the build that runs; without +gopher it has none of Gopher's patches",
      }),
      lacks: lackingCapabilities.meta({ description: 'What this build cannot do' }),
      problem: z.string().nullable().meta({ description: 'What is wrong and what to do' }),
    }),
  })
  .meta({ id: 'Edge' });
export type EdgeStatusView = z.output<typeof edgeView>;
