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
import { DiagnosisController } from './diagnosis/diagnosis.controller.js';
import { DiagnosisService } from './diagnosis/diagnosis.service.js';
import { EDGE_CHECKS, EdgeChecks } from './diagnosis/edge-checks.js';
import { EdgeFolders } from './diagnosis/edge-folders.js';
import { ExaminedMachines } from './diagnosis/examined-machine.js';
import { GrpcAgentDiagnosis } from './diagnosis/grpc-agent-diagnosis.js';
import { ConfigPusher } from './edge/config-pusher.js';
import { ControlMover } from './edge/control-mover.js';
import { EdgeController } from './edge/edge.controller.js';
import { EdgeIdentity } from './edge/edge-identity.js';
import { FetchedConfigs } from './edge/fetched-configs.js';
import { PushProof } from './edge/push-proof.js';
import { RatholeServer } from './edge/rathole/rathole-server.js';
import { Reconciler } from './edge/reconciler.js';
import { AgentCertificate } from './enrolment/agent-certificate.entity.js';
import { BackChannel } from './enrolment/back-channel.entity.js';
import { BackChannels } from './enrolment/back-channels.js';
import { EnrolmentController } from './enrolment/enrolment.controller.js';
import { EnrolmentService } from './enrolment/enrolment.service.js';
import { JoinTokens } from './enrolment/join-tokens.js';
import { EdgeEvents } from './event/edge-events.js';
import { EventController } from './event/event.controller.js';
import { EventSources } from './event/event-sources.js';
import { HealthController } from './health/health.controller.js';
import { EtagInterceptor } from './http/etag.js';
import { Idempotency } from './http/idempotency.js';
import { ProblemFilter } from './http/problem.filter.js';
import { RequestValidationPipe } from './http/request-validation.pipe.js';
import { AgentLogs } from './log/agent-logs.js';
import { EdgeLogController } from './log/edge-log.controller.js';
import { EdgeLogs } from './log/edge-logs.js';
import { EdgeSecrets } from './log/edge-secrets.js';
import { GrpcAgentLogs } from './log/grpc-agent-logs.js';
import { LogFeed } from './log/log-feed.js';
import { LogService } from './log/log.service.js';
import { MachineLogController } from './log/machine-log.controller.js';
import { AgentFollower } from './machine/agent-follower.js';
import { AgentModule } from './machine/agent.module.js';
import { AgentWatch } from './machine/agent-watch.js';
import { CertificateRenewal } from './machine/certificate-renewal.js';
import { DataCheck } from './machine/data-check.js';
import { GrpcAgentClient } from './machine/grpc-agent-client.js';
import { MachineAdmission } from './machine/machine-admission.js';
import { MachineController } from './machine/machine.controller.js';
import { TunnelEdgeView } from './machine/tunnel-edge-view.js';
import { ActiveProber } from './probe/active-prober.js';
import { AgentTargets } from './probe/agent-targets.js';
import { EdgeSight } from './probe/edge-sight.js';
import { GrpcAgentTargets } from './probe/grpc-agent-targets.js';
import { MachineLook } from './probe/machine-look.js';
import { PortWatch } from './probe/port-watch.js';
import { ProbeController } from './probe/probe.controller.js';
import { ProbeEvents } from './probe/probe-events.js';
import { ProbeLog } from './probe/probe-log.js';
import { ProbeStore } from './probe/probe-store.js';
import { ProbeTurns } from './probe/probe-turns.js';
import { Suspects } from './probe/suspects.js';
import { TunnelProbe } from './probe/tunnel-probe.entity.js';
import { TunnelProber } from './probe/tunnel-prober.js';
import { TunnelStates } from './probe/tunnel-states.js';
import { TunnelVisitor } from './probe/tunnel-visitor.js';
import { VisitorTraffic } from './probe/visitor-traffic.js';
import { AgentMetricClient } from './metric/agent-metric-client.js';
import { EdgeMeter } from './metric/edge-meter.js';
import { GrpcMetricClient } from './metric/grpc-metric-client.js';
import { MetricCadence } from './metric/metric-cadence.js';
import { MetricController } from './metric/metric.controller.js';
import { MetricFollower } from './metric/metric-follower.js';
import { MetricHistory } from './metric/metric-history.js';
import { MetricPublisher } from './metric/metric-publisher.js';
import { MetricRecorder } from './metric/metric-recorder.js';
import { MetricStore } from './metric/metric-store.js';
import { MetricsRegistry } from './prometheus/collector.js';
import { DatabaseMetrics } from './prometheus/database-metrics.js';
import { EdgeMetrics } from './prometheus/edge-metrics.js';
import { FleetMetrics } from './prometheus/fleet-metrics.js';
import { MetricsToken } from './prometheus/metrics-token.js';
import { ProbeMetrics } from './prometheus/probe-metrics.js';
import { ProcessMetrics } from './prometheus/process-metrics.js';
import { PrometheusController } from './prometheus/prometheus.controller.js';
import { PushMetrics } from './prometheus/push-metrics.js';
import { Scrape } from './prometheus/scrape.js';
import { SweepMetrics } from './prometheus/sweep-metrics.js';
import { MachineRevision } from './revision/machine-revision.entity.js';
import { RevisionController } from './revision/revision.controller.js';
import { RevisionHistory } from './revision/revision-history.js';
import { Revisions } from './revision/revisions.js';
import { Rollback } from './revision/rollback.js';
import { SecretBox } from './secret/secret-box.js';
import { StateDirectory } from './state/state-directory.js';
import { FoundServiceController } from './tunnel/found-service.controller.js';
import { PortLeases } from './tunnel/port-leases.js';
import { PortProbe } from './tunnel/port-probe.js';
import { TunnelController } from './tunnel/tunnel.controller.js';
import { Tunnel } from './tunnel/tunnel.entity.js';
import { TunnelRestore } from './tunnel/tunnel-restore.js';
import { TunnelService } from './tunnel/tunnel.service.js';

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
      controllers: [
        DiagnosisController,
        EdgeController,
        EdgeLogController,
        EnrolmentController,
        EventController,
        FoundServiceController,
        HealthController,
        MachineController,
        MetricController,
        ProbeController,
        PrometheusController,
        MachineLogController,
        RevisionController,
        TunnelController,
      ],
      providers: [
        ActiveProber,
        AgentFollower,
        AgentWatch,
        ApiTokens,
        BackChannels,
        CertificateRenewal,
        ConfigPusher,
        ControlMover,
        DataCheck,
        DiagnosisService,
        EdgeChecks,
        EdgeEvents,
        EdgeFolders,
        EdgeMeter,
        DatabaseMetrics,
        EdgeEvents,
        EdgeMetrics,
        EdgeLogs,
        EdgeSecrets,
        EdgeSight,
        EnrolmentService,
        EventSources,
        ExaminedMachines,
        FetchedConfigs,
        GrpcMetricClient,
        FleetMetrics,
        Housekeeping,
        Idempotency,
        JoinTokens,
        LogFeed,
        LogService,
        MachineAdmission,
        MachineLook,
        MetricCadence,
        MetricFollower,
        MetricHistory,
        MetricPublisher,
        MetricRecorder,
        MetricStore,
        MetricsRegistry,
        MetricsToken,
        PortLeases,
        PortProbe,
        PortWatch,
        ProbeEvents,
        ProbeLog,
        ProbeMetrics,
        ProbeStore,
        ProbeTurns,
        ProcessMetrics,
        PushMetrics,
        PushProof,
        RatholeServer,
        Reconciler,
        RevisionHistory,
        Revisions,
        Rollback,
        Scrape,
        Suspects,
        SweepMetrics,
        TunnelProber,
        TunnelRestore,
        TunnelService,
        TunnelStates,
        TunnelVisitor,
        VisitorTraffic,
        { provide: AgentTargets, useClass: GrpcAgentTargets },
        { provide: AgentMetricClient, useExisting: GrpcMetricClient },
        ...EDGE_CHECKS,
        { provide: AgentDiagnosis, useClass: GrpcAgentDiagnosis },
        { provide: AgentLogs, useClass: GrpcAgentLogs },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useClass: ApiTokenGuard },
        { provide: APP_INTERCEPTOR, useClass: EtagInterceptor },
        { provide: APP_PIPE, useClass: RequestValidationPipe },
      ],
    };
  }
}
