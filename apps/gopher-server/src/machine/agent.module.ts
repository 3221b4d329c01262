import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AgentCertificate } from '../enrolment/agent-certificate.entity.js';
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
    RevisionViews,
  ],
})
export class AgentModule {}
