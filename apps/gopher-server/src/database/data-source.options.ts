import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import { Machine, MachineHeal } from '@gopher/machine';
import { ApiToken } from '../api-token/api-token.entity.js';
import { Edge } from '../edge/edge.entity.js';
import { AgentCertificate } from '../enrolment/agent-certificate.entity.js';
import { BackChannel } from '../enrolment/back-channel.entity.js';
import { JoinToken } from '../enrolment/join-token.entity.js';
import { IdempotencyKey } from '../http/idempotency-key.entity.js';
import { MetricSample } from '../metric/metric-sample.entity.js';
import { MachineRevision } from '../revision/machine-revision.entity.js';
import { TunnelProbe } from '../probe/tunnel-probe.entity.js';
import { PortLease } from '../tunnel/port-lease.entity.js';
import { Tunnel } from '../tunnel/tunnel.entity.js';
import { CreateEdgeAndMachine1761000000000 } from './migrations/1761000000000-create-edge-and-machine.js';
import { CreateTunnel1761000001000 } from './migrations/1761000001000-create-tunnel.js';
import { AddMachineAgent1761000002000 } from './migrations/1761000002000-add-machine-agent.js';
import { CreateEnrolment1761000003000 } from './migrations/1761000003000-create-enrolment.js';
import { CreateMachineRevision1761000004000 } from './migrations/1761000004000-create-machine-revision.js';
import { AddControlMove1761000005000 } from './migrations/1761000005000-add-control-move.js';
import { CreateMetricSample1761000006000 } from './migrations/1761000006000-create-metric-sample.js';
import { AddTunnelSpeaks1761000007000 } from './migrations/1761000007000-add-tunnel-speaks.js';
import { CreateTunnelProbe1761000008000 } from './migrations/1761000008000-create-tunnel-probe.js';

/** Classes, not globs: the compiler checks the list. */
export const schemaOptions = {
  entities: [
    AgentCertificate,
    ApiToken,
    BackChannel,
    Edge,
    IdempotencyKey,
    JoinToken,
    Machine,
    MachineHeal,
    MachineRevision,
    MetricSample,
    PortLease,
    Tunnel,
    TunnelProbe,
  ],
  migrations: [
    CreateEdgeAndMachine1761000000000,
    CreateTunnel1761000001000,
    AddMachineAgent1761000002000,
    CreateEnrolment1761000003000,
    CreateMachineRevision1761000004000,
    AddControlMove1761000005000,
    CreateMetricSample1761000006000,
    AddTunnelSpeaks1761000007000,
    CreateTunnelProbe1761000008000,
  ],
  synchronize: false,
  // PostgreSQL has gen_random_uuid() built in; do not reach for uuid-ossp on connect.
  installExtensions: false,
  uuidExtension: 'pgcrypto',
} satisfies Partial<PostgresDataSourceOptions>;

/** How long a request waits for a free connection, or for a new one, before it is answered 503. */
const CONNECT_TIMEOUT_MS = 3_000;
/** A server that took the question and answers no more: nothing here asks for as long as this. */
const QUERY_TIMEOUT_MS = 10_000;
const POOL_SIZE = 10;

export function dataSourceOptions(url: string): PostgresDataSourceOptions {
  return {
    type: 'postgres',
    url,
    poolSize: POOL_SIZE,
    applicationName: 'gopher-server',
    extra: {
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
    },
    migrationsRun: true,
    ...schemaOptions,
  };
}
