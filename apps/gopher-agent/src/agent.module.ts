import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { System } from '@gopher/host';
import { LogReader } from '@gopher/log';
import { CertificateRenewal } from './identity/certificate-renewal.js';
import { Enrolment } from './identity/enrolment.js';
import { LogController } from './logs/log.controller.js';
import type { MachineLog } from './logs/machine-log.js';
import { ControlClient } from './rathole/control-client.js';
import { DataClient } from './rathole/data-client.js';
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
    const opened: Provider[] = [
      { provide: Enrolment, useValue: parts.enrolment },
      { provide: RatholeObserver, useValue: parts.rathole },
      { provide: ControlClient, useValue: parts.control },
      { provide: DataClient, useValue: parts.data },
      { provide: CertificateRenewal, useValue: parts.renewal },
      { provide: LogReader, useValue: parts.logs },
      { provide: System, useValue: new System() },
    ];
    return {
      module: AgentModule,
      controllers: [AgentController, HealthController, LogController],
      providers: [...opened, MachineStatusService, StatusWatch],
    };
  }
}
