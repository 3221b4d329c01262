import { Controller } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { status } from '@grpc/grpc-js';
import { concat, NEVER, type Observable, of } from 'rxjs';
import {
  type HealthCheckRequest,
  HealthCheckResponse_ServingStatus as ServingStatus,
  type HealthCheckResponse,
  type HealthController as HealthCalls,
  HealthControllerMethods,
} from '@gopher/proto';

/** The empty name stands for the process as a whole. */
const SERVED = new Set(['', 'gopher.agent.v1.Agent', 'grpc.health.v1.Health']);

/** Whether the agent answers. How the machine is doing is another question. */
@Controller()
@HealthControllerMethods()
export class HealthController implements HealthCalls {
  check({ service }: HealthCheckRequest): HealthCheckResponse {
    if (SERVED.has(service)) return { status: ServingStatus.SERVING };
    throw new RpcException({ code: status.NOT_FOUND, message: 'No such service' });
  }

  watch({ service }: HealthCheckRequest): Observable<HealthCheckResponse> {
    const known = SERVED.has(service) ? ServingStatus.SERVING : ServingStatus.SERVICE_UNKNOWN;
    return concat(of({ status: known }), NEVER);
  }
}
