import { Injectable } from '@nestjs/common';
import { status } from '@grpc/grpc-js';
import type { AgentTarget, HostSample } from '@gopher/machine';
import { AgentService, type StreamMetricsResponse } from '@gopher/proto';
import { GrpcAgentClient } from '../machine/grpc-agent-client.js';
import { AgentMetricClient, type MetricStreamEnd } from './agent-metric-client.js';
import { toHostSample } from './agent-metric.mapper.js';

@Injectable()
export class GrpcMetricClient extends AgentMetricClient {
  constructor(private readonly agents: GrpcAgentClient) {
    super();
  }

  async follow(
    target: AgentTarget,
    intervalMs: number,
    onSample: (sample: HostSample) => void,
    signal: AbortSignal,
  ): Promise<MetricStreamEnd> {
    const method = AgentService.streamMetrics;
    const onMessage = (message: StreamMetricsResponse) => onSample(toHostSample(message));
    const end = await this.agents.follow(target, method, { intervalMs }, onMessage, signal);
    return { older: end.code === status.UNIMPLEMENTED, reason: end.reason };
  }
}
