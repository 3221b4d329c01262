import { Controller, UseFilters } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { Observable } from 'rxjs';
import {
  AGENT_SERVICE_NAME,
  type AgentController as AgentCalls,
  type StreamMetricsRequest,
  type StreamMetricsResponse,
} from '@gopher/proto';
import { RpcErrorFilter } from '../rpc/rpc-error.filter.js';
import { MetricsStream } from './metrics-stream.js';

@Controller()
@UseFilters(RpcErrorFilter)
export class MetricsController implements Pick<AgentCalls, 'streamMetrics'> {
  constructor(private readonly metrics: MetricsStream) {}

  @GrpcMethod(AGENT_SERVICE_NAME, 'streamMetrics')
  streamMetrics({ intervalMs }: StreamMetricsRequest): Observable<StreamMetricsResponse> {
    return this.metrics.open(intervalMs);
  }
}
