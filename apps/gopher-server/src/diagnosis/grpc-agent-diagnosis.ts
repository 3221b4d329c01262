import { Injectable } from '@nestjs/common';
import { type ServiceError, status } from '@grpc/grpc-js';
import { type AgentTarget, AgentUnreachableError } from '@gopher/machine';
import { AgentService, Application } from '@gopher/proto';
import type { AgentChannel } from '../machine/agent-channel.js';
import { GrpcAgentClient } from '../machine/grpc-agent-client.js';
import { toFindings } from './agent-checks.mapper.js';
import {
  AgentDiagnosis,
  type DeclaredTarget,
  type DiagnosisRequest,
  type Examination,
} from './agent-diagnosis.js';

/** The agent connects to targets that may not answer. */
const RUN_DEADLINE_MS = 5_500;
const REACH_DEADLINE_MS = 1_500;

const APPLICATIONS = {
  http: Application.HTTP,
  tls: Application.TLS,
  banner: Application.BANNER,
} satisfies Record<DeclaredTarget['speaks'], Application>;

@Injectable()
export class GrpcAgentDiagnosis extends AgentDiagnosis {
  constructor(private readonly agents: GrpcAgentClient) {
    super();
  }

  examine(target: AgentTarget, request: DiagnosisRequest): Promise<Examination> {
    return this.agents.anew(target, async (channel) => {
      await this.ask(channel);
      const began = performance.now();
      await this.ask(channel);
      const roundTripMs = performance.now() - began;
      return { roundTripMs, answer: await this.run(channel, request) };
    });
  }

  private ask(channel: AgentChannel): Promise<unknown> {
    return this.agents.call(channel, AgentService.getStatus, {}, REACH_DEADLINE_MS);
  }

  private async run(
    channel: AgentChannel,
    { expectedSha256, declared }: DiagnosisRequest,
  ): Promise<Examination['answer']> {
    const targets = declared.map(({ service, speaks }) => ({
      service,
      application: APPLICATIONS[speaks],
    }));
    const request = { edgeTime: new Date(), expectedSha256: expectedSha256 ?? '', targets };
    try {
      const method = AgentService.runDiagnostics;
      const { checks } = await this.agents.call(channel, method, request, RUN_DEADLINE_MS);
      return toFindings(checks);
    } catch (error) {
      if ((error as ServiceError).code === status.UNIMPLEMENTED) return 'too-old';
      const isUnreachable = error instanceof AgentUnreachableError;
      const silence = isUnreachable ? error.reason : (error as ServiceError).details;
      return { silence: silence || String(error) };
    }
  }
}
