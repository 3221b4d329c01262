import { makeGenericClientConstructor } from '@grpc/grpc-js';
import { agentPackageDefinition, type HealthCheckResponse } from '@gopher/proto';
import { callerOptions, type CallerOptions, unary } from './agent-caller.js';
import type { FakeEdge } from './fake-edge.js';

const HealthClient = makeGenericClientConstructor(
  agentPackageDefinition['grpc.health.v1.Health'],
  'grpc.health.v1.Health',
);

/** One health check over a connection of its own. */
export class HealthCaller {
  constructor(
    private readonly edge: FakeEdge,
    private readonly options: CallerOptions,
  ) {}

  async check(service = ''): Promise<HealthCheckResponse> {
    const client = new HealthClient(...callerOptions(this.edge, this.options));
    try {
      return await unary<HealthCheckResponse>(client, 'check', { service });
    } finally {
      client.close();
    }
  }
}
