import { z } from 'zod';
import { MAX_CONTAINS_CHARS } from '@gopher/log';
import { LogLevel, LogSource } from '@gopher/proto';

export const getLogs = z.object({
  source: z.literal([
    LogSource.UNSPECIFIED,
    LogSource.AGENT,
    LogSource.CONTROL_CLIENT,
    LogSource.DATA_CLIENT,
  ]),
  tail: z.int().nonnegative(),
  follow: z.boolean(),
  since: z.date().optional(),
  leastLevel: z.literal([
    LogLevel.UNSPECIFIED,
    LogLevel.DEBUG,
    LogLevel.INFO,
    LogLevel.WARN,
    LogLevel.ERROR,
  ]),
  contains: z.string().max(MAX_CONTAINS_CHARS),
});
