import { z } from 'zod';
import {
  AGENT_STATUSES,
  HEALTHS,
  type Machine,
  type MachineStatus,
  RATHOLE_CLIENT_STATES,
  REVISION_STATES,
} from '@gopher/machine';
import { lackingCapabilities } from '../edge/edge.schema.js';
import { metricSampleView, toMetricSampleView } from '../metric/metric.schema.js';
import { pageQuery, pageView } from '../http/paging.js';
import { resourceId } from '../http/resource-id.js';

export const machineId = resourceId;

/** A DNS label: it may become a part of a public name. */
const name = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be 1 to 63 of a-z, 0-9 and "-", and neither begin nor end with "-"',
  )
  .meta({ example: 'attic-nas' });

export const createMachine = z.strictObject({ name }).meta({ id: 'CreateMachine' });
export type CreateMachine = z.output<typeof createMachine>;

export const updateMachine = z.strictObject({ name }).meta({ id: 'UpdateMachine' });
export type UpdateMachine = z.output<typeof updateMachine>;

export const listMachines = z.strictObject(pageQuery);
export type ListMachines = z.output<typeof listMachines>;

const moment = z.iso.datetime();

const ratholeClient = z
  .object({
    state: z.enum(RATHOLE_CLIENT_STATES),
    pid: z.int().nullable(),
    startedAt: moment.nullable(),
    restarts: z.int(),
    restartNeeded: z.boolean(),
    detail: z.string(),
  })
  .meta({ id: 'RatholeClient' });

const tunnelSummary = z
  .object({
    total: z.int(),
    active: z.int(),
    pending: z.int(),
    failed: z.int(),
    observedAt: moment.nullable(),
  })
  .meta({ id: 'TunnelSummary' });

export const machineStatusView = z
  .object({
    machineId: z.uuid(),
    health: z.enum(HEALTHS),
    reasons: z.array(z.string()).meta({ description: 'What is wrong or not known, worst first' }),
    agent: z
      .object({
        status: z.enum(AGENT_STATUSES),
        observedAt: moment.nullable(),
        reportedAt: moment.nullable(),
        version: z.string().nullable(),
        protocolVersion: z.int().nullable(),
      })
      .nullable()
      .meta({ description: 'null: the machine has no agent' }),
    rathole: z
      .object({
        version: z.string().nullable(),
        lacks: lackingCapabilities.meta({ description: 'What this build cannot do' }),
        control: ratholeClient.nullable(),
        data: ratholeClient.nullable(),
        config: z
          .object({
            revision: z.int(),
            sha256: z.string(),
            state: z.enum(['applied', 'drifted', 'unconfirmed', 'unknown']),
            detail: z.string(),
          })
          .nullable(),
        reverted: z
          .object({
            revision: z.int(),
            sha256: z.string(),
            cause: z.enum(['not-taken', 'not-confirmed']),
            reason: z.string(),
          })
          .nullable()
          .meta({ description: 'What the machine took back last, until something is confirmed' }),
        found: z
          .object({
            foundAt: moment.nullable(),
            keptAs: z.string().meta({ description: 'A path on the machine' }),
            lines: z.array(z.string()),
            services: z.array(
              z.object({ name: z.string(), protocol: z.enum(['tcp', 'udp']), target: z.string() }),
            ),
          })
          .nullable()
          .meta({
            description: 'What someone wrote into the configuration there, and was removed',
          }),
        activeTunnels: z.int(),
        observedAt: moment.nullable(),
      })
      .nullable(),
    system: z
      .object({
        hostname: z.string(),
        os: z.string(),
        arch: z.string(),
        cpuUsage: z.number().meta({ description: 'Share of all cores, 0 to 1' }),
        cpuCores: z.int(),
        memoryTotalBytes: z.number(),
        memoryAvailableBytes: z.number(),
        load: z.array(z.number()).meta({ description: 'Over 1, 5 and 15 minutes' }),
        uptimeSeconds: z.number(),
        disks: z.array(
          z.object({
            mountPoint: z.string(),
            totalBytes: z.number(),
            availableBytes: z.number(),
          }),
        ),
        observedAt: moment,
      })
      .nullable(),
    metrics: metricSampleView
      .nullable()
      .meta({ description: 'The newest sample; null: none yet, or no agent' }),
    dataPath: z
      .object({ serves: z.boolean(), observedAt: moment, detail: z.string() })
      .nullable()
      .meta({ description: 'Whether bytes went through the data client, on a new connection' }),
    revision: z
      .object({
        wanted: z.object({ sha256: z.string(), number: z.int().nullable() }),
        state: z.enum(REVISION_STATES),
        differences: z
          .array(z.string())
          .meta({ description: 'From what the machine has, a line each' }),
        reason: z.string().nullable(),
      })
      .nullable()
      .meta({ description: 'The configuration that it should have, and how far that has come' }),
    tunnels: tunnelSummary,
  })
  .meta({ id: 'MachineStatus' });
export type MachineStatusView = z.output<typeof machineStatusView>;

/** The same shape; times become text on the way out. */
export function toMachineStatusView({ metrics, ...status }: MachineStatus): MachineStatusView {
  const view = JSON.parse(JSON.stringify(status)) as Omit<MachineStatusView, 'metrics'>;
  return { ...view, metrics: metrics && toMetricSampleView(status.machineId, metrics) };
}

export const machineView = z
  .object({
    id: z.uuid(),
    name: z.string(),
    agentAddr: z.string().nullable().meta({ description: 'null: the machine has no agent' }),
    agentStatus: z.enum(AGENT_STATUSES).nullable(),
    health: z.enum(HEALTHS),
    reasons: z.array(z.string()),
    tunnels: tunnelSummary,
    createdAt: moment,
    version: z.int(),
  })
  .meta({ id: 'Machine' });
export type MachineView = z.output<typeof machineView>;

export const machinePage = pageView(machineView, 'MachinePage');

export function toMachineView(machine: Machine, status: MachineStatus): MachineView {
  const { health, reasons, agent, tunnels } = status;
  return {
    id: machine.id,
    name: machine.name,
    agentAddr: machine.agentAddr,
    agentStatus: agent?.status ?? null,
    health,
    reasons,
    tunnels: { ...tunnels, observedAt: tunnels.observedAt?.toISOString() ?? null },
    createdAt: machine.createdAt.toISOString(),
    version: machine.version,
  };
}

const secretToken = {
  token: z.string().meta({ description: 'Shown once' }),
  expiresAt: moment,
  command: z.string().meta({ description: 'To be pasted on the machine' }),
};

export const joinTokenView = z.object(secretToken).meta({ id: 'JoinToken' });
export type JoinTokenView = z.output<typeof joinTokenView>;

export const createdMachineView = machineView
  .extend({ join: joinTokenView })
  .meta({ id: 'CreatedMachine' });
export type CreatedMachineView = z.output<typeof createdMachineView>;

export const removedMachineView = z
  .object({
    removed: z.literal(true),
    onTheMachine: z.string().meta({ description: 'What is left to do there' }),
  })
  .meta({ id: 'RemovedMachine' });
export type RemovedMachineView = z.output<typeof removedMachineView>;
