import type { ServiceDefinition } from '@grpc/grpc-js';
import { AgentService } from './gen/gopher/agent/v1/agent.js';
import { HealthService } from './gen/grpc/health/v1/health.js';

export {
  type EnrolmentRequest,
  enrolmentRequest,
  type EnrolmentResponse,
  enrolmentResponse,
} from './enrolment.js';
export * from './gen/gopher/agent/v1/agent.js';
export {
  HEALTH_SERVICE_NAME,
  type HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  type HealthController,
  HealthControllerMethods,
} from './gen/grpc/health/v1/health.js';

/** The version of the contract that this release speaks; see the head of agent.proto. */
export const PROTOCOL_VERSION = 1;

/** For a gRPC server: compiled definitions, so that no .proto file is read at run time. */
export const agentPackageDefinition = {
  'gopher.agent.v1.Agent': AgentService,
  'grpc.health.v1.Health': HealthService,
} satisfies Record<string, ServiceDefinition>;

export const AGENT_PACKAGES = ['gopher.agent.v1', 'grpc.health.v1'];
