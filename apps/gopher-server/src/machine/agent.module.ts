import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentCertificate } from '../enrolment/agent-certificate.entity.js';
import { MetricBoard } from '../metric/metric-board.js';
import { AgentCertificates } from './agent-certificates.js';
import { AgentConfigClient } from './agent-config-client.js';
import { ControlProblems } from './control-problems.js';
import { DataPaths } from './data-paths.js';
import { GrpcAgentClient } from './grpc-agent-client.js';
import { RevisionViews } from './revision-views.js';
import { ServerCredentials } from './server-credentials.js';

/** How this server talks to agents. */
@Module({
  imports: [TypeOrmModule.forFeature([AgentCertificate])],
  providers: [
    AgentCertificates,
    ControlProblems,
    DataPaths,
    GrpcAgentClient,
    MetricBoard,
    RevisionViews,
    ServerCredentials,
    { provide: AgentConfigClient, useExisting: GrpcAgentClient },
  ],
  exports: [
    AgentCertificates,
    AgentConfigClient,
    ControlProblems,
    DataPaths,
    GrpcAgentClient,
    MetricBoard,
    RevisionViews,
  ],
})
export class AgentModule {}
