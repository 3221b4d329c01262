import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { HostMeter, System } from '@gopher/host';
import { LogReader } from '@gopher/log';
import { CertificateRenewal } from './identity/certificate-renewal.js';
import { Enrolment } from './identity/enrolment.js';
import { LogController } from './logs/log.controller.js';
import type { MachineLog } from './logs/machine-log.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { MetricsStream } from './metrics/metrics-stream.js';
import { Diagnosis } from './diagnosis/diagnosis.js';
import { DiagnosisController } from './diagnosis/diagnosis.controller.js';
import { ControlClient } from './rathole/control-client.js';
import { DataClient } from './rathole/data-client.js';
import { TargetController } from './rathole/target.controller.js';
import { AgentController } from './rpc/agent.controller.js';
import { HealthController } from './rpc/health.controller.js';
import { MachineStatusService } from './status/machine-status.service.js';
import { RatholeObserver } from './status/rathole-observer.js';
import { StatusWatch } from './status/status-watch.js';

/** What has to be opened, and may fail, before the agent can serve. */
export interface AgentParts {
  enrolment: Enrolment;
  rathole: RatholeObserver;
  control: ControlClient;
  data: DataClient;
  renewal: CertificateRenewal;
  logs: LogReader<MachineLog>;
}

@Module({})
export class AgentModule {
  static register(parts: AgentParts): DynamicModule {
    const system = new System();
    const opened: Provider[] = [
      { provide: Enrolment, useValue: parts.enrolment },
      { provide: RatholeObserver, useValue: parts.rathole },
      { provide: ControlClient, useValue: parts.control },
      { provide: DataClient, useValue: parts.data },
      { provide: CertificateRenewal, useValue: parts.renewal },
      { provide: HostMeter, useValue: new HostMeter(system) },
      { provide: LogReader, useValue: parts.logs },
      { provide: System, useValue: system },
    ];
    return {
      module: AgentModule,
      controllers: [
        AgentController,
        DiagnosisController,
        HealthController,
        LogController,
        MetricsController,
        TargetController,
      ],
      providers: [...opened, Diagnosis, MachineStatusService, MetricsStream, StatusWatch],
    };
  }
}
