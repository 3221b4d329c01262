import { Injectable } from '@nestjs/common';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { AgentTarget } from '@gopher/machine';
import { AgentService, type TargetCheck, type TargetExpectation } from '@gopher/proto';
import { GrpcAgentClient } from '../machine/grpc-agent-client.js';
import { AgentTargets } from './agent-targets.js';

/** The agent gives each target 2 s, and looks at 32 at once. */
const deadlineMs = (targets: number): number => 1_000 + 2_000 * Math.ceil(targets / 32);

@Injectable()
export class GrpcAgentTargets extends AgentTargets {
  constructor(private readonly agents: GrpcAgentClient) {
    super();
  }

  async check(
    agent: AgentTarget,
    expected: readonly TargetExpectation[],
  ): Promise<TargetCheck[] | null> {
    const channel = await this.agents.channel(agent);
    const request = { targets: [...expected] };
    try {
      const { checkTargets } = AgentService;
      const within = deadlineMs(expected.length);
      return (await this.agents.call(channel, checkTargets, request, within)).targets;
    } catch (error) {
      if ((error as ServiceError).code === status.UNIMPLEMENTED) return null;
      throw error;
    }
  }
}
