import { Controller, UseFilters, UsePipes } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import type { Application as Spoken } from '@gopher/diagnosis';
import {
  AGENT_SERVICE_NAME,
  type AgentController as AgentCalls,
  Application,
  type CheckTargetsRequest,
  type CheckTargetsResponse,
  type TargetExpectation,
} from '@gopher/proto';
import { RpcErrorFilter } from '../rpc/rpc-error.filter.js';
import { RpcValidationPipe } from '../rpc/rpc-validation.pipe.js';
import { DataClient } from './data-client.js';
import type { Declared } from './target-check.js';
import { checkTargets } from './target.schema.js';

const SPOKEN = new Map<Application, Spoken>([
  [Application.HTTP, 'http'],
  [Application.TLS, 'tls'],
  [Application.BANNER, 'banner'],
]);

@Controller()
@UseFilters(RpcErrorFilter)
@UsePipes(RpcValidationPipe)
export class TargetController implements Pick<AgentCalls, 'checkTargets'> {
  constructor(private readonly data: DataClient) {}

  @GrpcMethod(AGENT_SERVICE_NAME, 'checkTargets')
  async checkTargets(
    @Payload({ schema: checkTargets }) { targets }: CheckTargetsRequest,
  ): Promise<CheckTargetsResponse> {
    const names = targets.map(({ service }) => service);
    return { targets: await this.data.checkTargets(names, declaredBy(targets)) };
  }
}

/** What a newer edge may ask for and this agent does not know is not declared. */
export function declaredBy(expectations: readonly TargetExpectation[]): Declared {
  return new Map(
    expectations.flatMap(({ service, application }) => {
      const spoken = SPOKEN.get(application);
      return spoken ? [[service, spoken] as const] : [];
    }),
  );
}
