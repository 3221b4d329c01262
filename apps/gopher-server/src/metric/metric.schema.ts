import { z } from 'zod';
import type { HostMetrics } from '@gopher/machine';

const MAX_POINTS = 1_000;
/** As many as are kept. */
const DEFAULT_POINTS = 240;

export const metricQuery = z.strictObject({
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .meta({ description: 'Default: everything that is kept, which is an hour' }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_POINTS)
    .default(DEFAULT_POINTS)
    .meta({ description: 'Of more, the newest' }),
});
export type MetricQuery = z.output<typeof metricQuery>;

const moment = z.iso.datetime();
const bytes = z.number();
const count = z.number();
const share = z.number();
const perSecond = z.number().nullable().meta({
  description: 'Since the sample before; null: not known, as after the counters began anew',
});

export const metricSampleView = z
  .object({
    machineId: z.uuid().nullable().meta({ description: 'null: the edge itself' }),
    observedAt: moment,
    cpuUsage: share.nullable().meta({ description: 'Share of all cores, 0 to 1' }),
    coreUsage: z.array(share).meta({ description: 'Of each core; empty: not told' }),
    load: z.array(z.number()).meta({ description: 'Over 1, 5 and 15 minutes' }),
    uptimeSeconds: z.number().nullable(),
    memoryTotalBytes: bytes.nullable(),
    memoryAvailableBytes: bytes.nullable(),
    swapTotalBytes: bytes.nullable().meta({ description: 'null: there is none' }),
    swapFreeBytes: bytes.nullable(),
    filesystems: z.array(
      z
        .object({
          mountPoint: z.string(),
          type: z.string(),
          totalBytes: bytes,
          availableBytes: bytes,
          totalInodes: count.nullable().meta({ description: 'null: it counts none' }),
          availableInodes: count.nullable(),
        })
        .meta({ id: 'FilesystemMetrics' }),
    ),
    interfaces: z.array(
      z
        .object({
          name: z.string(),
          receivedBytes: bytes.meta({ description: 'As all counts: since the interface came up' }),
          sentBytes: bytes,
          receivedPackets: count,
          sentPackets: count,
          receiveErrors: count,
          sendErrors: count,
          receiveDrops: count,
          sendDrops: count,
          receivedBytesPerSecond: perSecond,
          sentBytesPerSecond: perSecond,
        })
        .meta({ id: 'InterfaceMetrics' }),
    ),
    temperatures: z.array(z.object({ sensor: z.string(), celsius: z.number() })),
    processes: z.array(
      z
        .object({
          name: z.string().meta({ example: 'data' }),
          pid: z.int(),
          cpuUsage: share.nullable().meta({ description: 'Share of one core' }),
          residentBytes: bytes,
          openFiles: z.int().nullable(),
          threads: z.int(),
        })
        .meta({ id: 'ProcessMetrics' }),
    ),
    tunnels: z.array(
      z.object({
        tunnelId: z.uuid(),
        connections: z
          .int()
          .nullable()
          .meta({ description: 'To the target; null: not known, as for UDP' }),
      }),
    ),
  })
  .meta({ id: 'MetricSample' });
type MetricSampleView = z.output<typeof metricSampleView>;

const metricPoint = z
  .object({
    from: moment,
    resolutionSeconds: z.int(),
    samples: z.int(),
    cpuUsageAvg: share.nullable(),
    cpuUsageMax: share.nullable(),
    memoryUsedBytesAvg: bytes.nullable(),
    memoryUsedBytesMax: bytes.nullable(),
    last: metricSampleView.meta({
      description: 'The last sample; its rates are those since the point before',
    }),
  })
  .meta({ id: 'MetricPoint' });
export type MetricPointView = z.output<typeof metricPoint>;

export const metricHistoryView = z
  .object({
    newest: metricSampleView.nullable(),
    problem: z.string().nullable().meta({ description: 'Why there is nothing new' }),
    items: z.array(metricPoint).meta({ description: 'Oldest first' }),
  })
  .meta({ id: 'MetricHistory' });
export type MetricHistoryView = z.output<typeof metricHistoryView>;

/** @param machineId null: the edge itself */
export function toMetricSampleView(
  machineId: string | null,
  metrics: HostMetrics,
): MetricSampleView {
  const { monotonicMs: _clock, observedAt, ...sample } = metrics;
  return { machineId, observedAt: observedAt.toISOString(), ...sample };
}
