import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { ScheduleModule } from '@nestjs/schedule';
import { TerminusModule } from '@nestjs/terminus';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LoggerModule } from 'nestjs-pino';
import type { DataSource } from 'typeorm';
import { AgentClient, EdgeId, EdgeView, MachineModule } from '@gopher/machine';
import { Supervisor } from '@gopher/supervisor';
import { ApiToken } from './api-token/api-token.entity.js';
import { ApiTokenGuard } from './api-token/api-token.guard.js';
import { ApiTokens } from './api-token/api-tokens.js';
import { ServerConfig } from './config/server.config.js';
import { Housekeeping } from './database/housekeeping.js';
import { AgentDiagnosis } from './diagnosis/agent-diagnosis.js';
import { DIAGNOSIS } from './diagnosis/diagnosis.parts.js';
import { GrpcAgentDiagnosis } from './diagnosis/grpc-agent-diagnosis.js';
import { EdgeIdentity } from './edge/edge-identity.js';
import { EDGE } from './edge/edge.parts.js';
import { AgentCertificate } from './enrolment/agent-certificate.entity.js';
import { BackChannel } from './enrolment/back-channel.entity.js';
import { ENROLMENT } from './enrolment/enrolment.parts.js';
import { EVENT } from './event/event.parts.js';
import { HealthController } from './health/health.controller.js';
import { EtagInterceptor } from './http/etag.js';
import { Idempotency } from './http/idempotency.js';
import { ProblemFilter } from './http/problem.filter.js';
import { RequestValidationPipe } from './http/request-validation.pipe.js';
import { AgentLogs } from './log/agent-logs.js';
import { GrpcAgentLogs } from './log/grpc-agent-logs.js';
import { LOG } from './log/log.parts.js';
import { AgentModule } from './machine/agent.module.js';
import { GrpcAgentClient } from './machine/grpc-agent-client.js';
import { MACHINE } from './machine/machine.parts.js';
import { TunnelEdgeView } from './machine/tunnel-edge-view.js';
import { AgentMetricClient } from './metric/agent-metric-client.js';
import { GrpcMetricClient } from './metric/grpc-metric-client.js';
import { METRIC } from './metric/metric.parts.js';
import { AgentTargets } from './probe/agent-targets.js';
import { GrpcAgentTargets } from './probe/grpc-agent-targets.js';
import { PROBE } from './probe/probe.parts.js';
import { TunnelProbe } from './probe/tunnel-probe.entity.js';
import { PROMETHEUS } from './prometheus/prometheus.parts.js';
import { MachineRevision } from './revision/machine-revision.entity.js';
import { REVISION } from './revision/revision.parts.js';
import { SecretBox } from './secret/secret-box.js';
import { StateDirectory } from './state/state-directory.js';
import { Tunnel } from './tunnel/tunnel.entity.js';
import { TUNNEL } from './tunnel/tunnel.parts.js';

const FEATURES = [
  DIAGNOSIS,
  EDGE,
  ENROLMENT,
  EVENT,
  LOG,
  MACHINE,
  METRIC,
  PROBE,
  PROMETHEUS,
  REVISION,
  TUNNEL,
];

/** What exists before the application does. */
export interface Runtime {
  config: ServerConfig;
  database: DataSource;
  identity: EdgeIdentity;
  state: StateDirectory;
  box: SecretBox;
  supervisor: Supervisor;
}

@Global()
@Module({})
class RuntimeModule {
  static with(runtime: Runtime): DynamicModule {
    const providers = [
      { provide: ServerConfig, useValue: runtime.config },
      { provide: EdgeIdentity, useValue: runtime.identity },
      { provide: EdgeId, useValue: runtime.identity },
      { provide: StateDirectory, useValue: runtime.state },
      { provide: SecretBox, useValue: runtime.box },
      { provide: Supervisor, useValue: runtime.supervisor },
    ];
    return { module: RuntimeModule, providers, exports: providers };
  }
}

/** The composition root: the only place that binds ports to adapters. */
@Module({})
export class AppModule {
  static with(runtime: Runtime): DynamicModule {
    const { config, database } = runtime;
    return {
      module: AppModule,
      imports: [
        RuntimeModule.with(runtime),
        LoggerModule.forRoot({
          pinoHttp: { level: config.logLevel, autoLogging: false, quietReqLogger: true },
        }),
        ScheduleModule.forRoot(),
        TerminusModule.forRoot({ logger: false }),
        TypeOrmModule.forRootAsync({
          useFactory: () => ({ ...database.options, autoLoadEntities: false }),
          dataSourceFactory: () => Promise.resolve(database),
        }),
        TypeOrmModule.forFeature([
          AgentCertificate,
          ApiToken,
          BackChannel,
          MachineRevision,
          Tunnel,
          TunnelProbe,
        ]),
        AgentModule,
        MachineModule.register({
          imports: [AgentModule],
          agentClient: { provide: AgentClient, useExisting: GrpcAgentClient },
          edgeView: { provide: EdgeView, useClass: TunnelEdgeView },
          edgeId: { provide: EdgeId, useExisting: EdgeIdentity },
        }),
      ],
      controllers: [HealthController, ...FEATURES.flatMap(({ controllers }) => controllers)],
      providers: [
        ...FEATURES.flatMap(({ providers }) => providers),
        ApiTokens,
        Housekeeping,
        Idempotency,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useClass: ApiTokenGuard },
        { provide: APP_INTERCEPTOR, useClass: EtagInterceptor },
        { provide: APP_PIPE, useClass: RequestValidationPipe },
        { provide: AgentDiagnosis, useClass: GrpcAgentDiagnosis },
        { provide: AgentLogs, useClass: GrpcAgentLogs },
        { provide: AgentMetricClient, useClass: GrpcMetricClient },
        { provide: AgentTargets, useClass: GrpcAgentTargets },
      ],
    };
  }
}
