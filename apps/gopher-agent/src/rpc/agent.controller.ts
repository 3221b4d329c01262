import { Controller, UseFilters, UsePipes } from '@nestjs/common';
import { Payload, RpcException } from '@nestjs/microservices';
import { status } from '@grpc/grpc-js';
import { map, type Observable } from 'rxjs';
import {
  type AgentController as AgentCalls,
  AgentControllerMethods,
  type ConfirmCertificateRequest,
  type ConfirmCertificateResponse,
  type CreateCertificateRequestResponse,
  type GetStatusResponse,
  type InstallCertificateRequest,
  type InstallCertificateResponse,
  type RestartRatholeRequest,
  type RestartRatholeResponse,
  type UpdateRatholeConfigRequest,
  type UpdateRatholeConfigResponse,
  type WatchStatusRequest,
  type WatchStatusResponse,
} from '@gopher/proto';
import { CertificateRenewal } from '../identity/certificate-renewal.js';
import { DataClient } from '../rathole/data-client.js';
import { MachineStatusService, toAppliedConfig } from '../status/machine-status.service.js';
import { StatusWatch } from '../status/status-watch.js';
import {
  confirmCertificate,
  installCertificate,
  restartRathole,
  updateRatholeConfig,
} from './agent.schema.js';
import { RpcErrorFilter } from './rpc-error.filter.js';
import { RpcValidationPipe } from './rpc-validation.pipe.js';

@Controller()
@UseFilters(RpcErrorFilter)
@UsePipes(RpcValidationPipe)
@AgentControllerMethods()
export class AgentController implements AgentCalls {
  constructor(
    private readonly statuses: MachineStatusService,
    private readonly statusWatch: StatusWatch,
    private readonly data: DataClient,
    private readonly renewal: CertificateRenewal,
  ) {}

  getStatus(): GetStatusResponse {
    return { status: this.statuses.observe() };
  }

  watchStatus({ heartbeatIntervalMs }: WatchStatusRequest): Observable<WatchStatusResponse> {
    const statuses = this.statusWatch.watch(heartbeatIntervalMs);
    return statuses.pipe(map((machineStatus) => ({ status: machineStatus })));
  }

  async updateRatholeConfig(
    @Payload({ schema: updateRatholeConfig }) request: UpdateRatholeConfigRequest,
  ): Promise<UpdateRatholeConfigResponse> {
    if (request.confirmWithinSeconds !== 0) {
      throw unimplemented(
        'This agent does not await confirmations: confirm_within_seconds must be 0',
      );
    }
    const targets = await this.data.push(request);
    return { config: toAppliedConfig(this.data.configState), targets };
  }

  async restartRathole(
    @Payload({ schema: restartRathole }) { reason }: RestartRatholeRequest,
  ): Promise<RestartRatholeResponse> {
    await this.data.restart(reason || 'the edge asked for it');
    return { data: this.statuses.dataClient() };
  }

  async createCertificateRequest(): Promise<CreateCertificateRequestResponse> {
    return { csrPem: await this.renewal.request() };
  }

  async installCertificate(
    @Payload({ schema: installCertificate }) request: InstallCertificateRequest,
  ): Promise<InstallCertificateResponse> {
    await this.renewal.install(request.certificatePem, request.confirmWithinSeconds);
    return {};
  }

  async confirmCertificate(
    @Payload({ schema: confirmCertificate }) { sha256 }: ConfirmCertificateRequest,
  ): Promise<ConfirmCertificateResponse> {
    await this.renewal.confirm(sha256);
    return {};
  }

  streamMetrics(): never {
    throw unimplemented('This agent does not stream metrics yet');
  }

  confirmRatholeConfig(): never {
    throw unimplemented('This agent does not await confirmations of a configuration yet');
  }

  updateControlConfig(): never {
    throw unimplemented('This agent does not move its control client yet');
  }

  confirmControlConfig(): never {
    throw unimplemented('This agent does not move its control client yet');
  }

  getLogs(): never {
    throw unimplemented('This agent does not hand out logs yet');
  }

  runDiagnostics(): never {
    throw unimplemented('This agent does not run diagnostics yet');
  }
}

const unimplemented = (message: string) =>
  new RpcException({ code: status.UNIMPLEMENTED, message });
