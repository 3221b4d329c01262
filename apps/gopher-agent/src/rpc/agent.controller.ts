import { Controller, UseFilters, UsePipes } from '@nestjs/common';
import { Payload, RpcException } from '@nestjs/microservices';
import { status } from '@grpc/grpc-js';
import { map, type Observable } from 'rxjs';
import {
  type AgentController as AgentCalls,
  AgentControllerMethods,
  type ConfirmCertificateRequest,
  type ConfirmCertificateResponse,
  type ConfirmControlConfigRequest,
  type ConfirmControlConfigResponse,
  type ConfirmRatholeConfigRequest,
  type ConfirmRatholeConfigResponse,
  type CreateCertificateRequestResponse,
  type GetStatusResponse,
  type InstallCertificateRequest,
  type InstallCertificateResponse,
  type RestartRatholeRequest,
  type RestartRatholeResponse,
  type UpdateControlConfigRequest,
  type UpdateControlConfigResponse,
  type UpdateRatholeConfigRequest,
  type UpdateRatholeConfigResponse,
  type WatchStatusRequest,
  type WatchStatusResponse,
} from '@gopher/proto';
import { CertificateRenewal } from '../identity/certificate-renewal.js';
import { ControlClient } from '../rathole/control-client.js';
import { DataClient } from '../rathole/data-client.js';
import { MachineStatusService, toAppliedConfig } from '../status/machine-status.service.js';
import { StatusWatch } from '../status/status-watch.js';
import {
  confirmCertificate,
  confirmControlConfig,
  confirmRatholeConfig,
  installCertificate,
  restartRathole,
  updateControlConfig,
  updateRatholeConfig,
} from './agent.schema.js';
import { PeerPort } from './peer-port.js';
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
    private readonly control: ControlClient,
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
    const targets = await this.data.push(request);
    return { config: toAppliedConfig(this.data.configState), targets };
  }

  async confirmRatholeConfig(
    @Payload({ schema: confirmRatholeConfig }) request: ConfirmRatholeConfigRequest,
  ): Promise<ConfirmRatholeConfigResponse> {
    await this.data.confirm(request.revision, request.sha256);
    return { config: toAppliedConfig(this.data.configState) };
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

  async updateControlConfig(
    @Payload({ schema: updateControlConfig }) request: UpdateControlConfigRequest,
  ): Promise<UpdateControlConfigResponse> {
    await this.control.begin(request);
    return {};
  }

  async confirmControlConfig(
    @Payload({ schema: confirmControlConfig }) { sha256 }: ConfirmControlConfigRequest,
    _metadata: unknown,
    @PeerPort() fromPort: number,
  ): Promise<ConfirmControlConfigResponse> {
    await this.control.confirm(sha256, fromPort);
    return {};
  }

  streamMetrics(): never {
    throw unimplemented('This agent does not stream metrics yet');
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
