import { z } from 'zod';
import {
  LOG_LEVELS,
  type LogEntry,
  type LogQuery,
  MAX_CONTAINS_CHARS,
  MAX_TAIL,
} from '@gopher/log';
import { EDGE_LOGS, MACHINE_LOGS } from './log-source.js';

const TAIL = `must be a number from 0 to ${MAX_TAIL}`;

const filter = {
  tail: z
    .string()
    .regex(new RegExp(`^(?:\\d{1,4}|${MAX_TAIL})$`), TAIL)
    .transform(Number)
    .prefault('200')
    .meta({ description: `The newest entries that fit, 0 to ${MAX_TAIL}`, example: '200' }),
  since: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .optional()
    .meta({ description: 'Entries from then on' }),
  level: z.enum(LOG_LEVELS).default('debug').meta({ description: 'This and worse' }),
  contains: z
    .string()
    .max(MAX_CONTAINS_CHARS)
    .default('')
    .meta({ description: 'What the text has to contain, in any case' }),
};

export const machineLogQuery = z.strictObject({
  source: z.enum(MACHINE_LOGS).optional().meta({ description: 'Default: all of them' }),
  ...filter,
});
export type MachineLogQuery = z.output<typeof machineLogQuery>;

export const edgeLogQuery = z.strictObject({
  source: z.enum(EDGE_LOGS).optional().meta({ description: 'Default: all of them' }),
  ...filter,
});
export type EdgeLogQuery = z.output<typeof edgeLogQuery>;

interface AskedFor<Source extends string> {
  source?: Source | undefined;
  tail: number;
  since?: Date | undefined;
  level: LogEntry['level'];
  contains: string;
}

export function toLogQuery<Source extends string>(
  { source, tail, since, level, contains }: AskedFor<Source>,
  all: readonly Source[],
  follow: boolean,
): LogQuery<Source> {
  const sources = source === undefined ? all : [source];
  return { sources, tail, follow, since: since ?? null, leastLevel: level, contains };
}

const entryOf = <const Sources extends readonly string[]>(sources: Sources) =>
  z.object({
    at: z.iso.datetime().nullable().meta({ description: 'null: the entry has no time' }),
    source: z.enum(sources),
    level: z.enum(LOG_LEVELS),
    text: z.string().meta({ description: 'Without the values of tokens and keys' }),
    cut: z.boolean().meta({ description: 'Longer in the log than here' }),
  });

const pageOf = <Entry extends z.ZodType>(entry: Entry) =>
  z.object({
    entries: z.array(entry).meta({ description: 'Oldest first' }),
    dropped: z
      .int()
      .meta({ description: 'Older entries that fit, and for which there was no room' }),
  });

export const machineLogPage = pageOf(entryOf(MACHINE_LOGS).meta({ id: 'MachineLogEntry' })).meta({
  id: 'MachineLogPage',
});
export type MachineLogPage = z.output<typeof machineLogPage>;

export const edgeLogPage = pageOf(entryOf(EDGE_LOGS).meta({ id: 'EdgeLogEntry' })).meta({
  id: 'EdgeLogPage',
});
export type EdgeLogPage = z.output<typeof edgeLogPage>;

export interface LogEntryView<Source extends string> extends Omit<LogEntry<Source>, 'at'> {
  at: string | null;
}

export const toLogEntryView = <Source extends string>(
  entry: LogEntry<Source>,
): LogEntryView<Source> => ({ ...entry, at: entry.at?.toISOString() ?? null });
