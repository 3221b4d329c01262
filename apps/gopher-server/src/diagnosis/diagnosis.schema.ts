import { CHECK_LEGS, CHECK_UNITS, OUTCOMES } from '@gopher/diagnosis';
import { z } from 'zod';

const check = z
  .object({
    id: z.string().meta({ description: 'Stable', example: 'control-port-reachable' }),
    leg: z.enum(CHECK_LEGS),
    outcome: z.enum(OUTCOMES).meta({ description: 'skip: could not be told, and why' }),
    subject: z
      .string()
      .nullable()
      .meta({ description: 'Which one, where there are several; of a tunnel: tunnel.<its id>' }),
    measured: z.object({ value: z.number(), unit: z.enum(CHECK_UNITS) }).nullable(),
    meaning: z.string().meta({ description: 'What was found, and what it means' }),
    advice: z.string().nullable().meta({ description: 'What to do; null: nothing' }),
  })
  .meta({ id: 'Check' });

const about = z
  .object({
    kind: z.enum(['edge', 'machine', 'tunnel']),
    id: z.uuid(),
    name: z.string().meta({ description: 'Of a tunnel: its target' }),
  })
  .meta({ id: 'DiagnosisAbout' });
export type DiagnosisAbout = z.output<typeof about>;

export const diagnosisView = z
  .object({
    at: z.iso.datetime(),
    durationMs: z.int(),
    about,
    outcome: z.enum(OUTCOMES),
    summary: z.string().meta({ description: 'The whole report in a sentence' }),
    cause: check.nullable().meta({
      description: 'What explains the rest, or has to be put right first; null: nothing is wrong',
    }),
    checks: z.array(check).meta({ description: 'The cause first, then in the order of the path' }),
  })
  .meta({ id: 'Diagnosis' });
export type Diagnosis = z.output<typeof diagnosisView>;
