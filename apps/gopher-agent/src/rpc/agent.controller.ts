import { Controller, UseFilters, UsePipes } from '@nestjs/common';
import { GrpcMethod, Payload } from '@nestjs/microservices';
import { map, type Observable } from 'rxjs';
import {
  AGENT_SERVICE_NAME,
  type AgentController as AgentCalls,
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

/** Calls with a controller of their own, in the folder of their feature. */
type CallOfAFeature = 'streamMetrics' | 'getLogs' | 'runDiagnostics' | 'checkTargets';

@Controller()
@UseFilters(RpcErrorFilter)
@UsePipes(RpcValidationPipe)
export class AgentController implements Omit<AgentCalls, CallOfAFeature> {
  constructor(
    private readonly statuses: MachineStatusService,
    private readonly statusWatch: StatusWatch,
    private readonly control: ControlClient,
    private readonly data: DataClient,
    private readonly renewal: CertificateRenewal,
  ) {}

  @GrpcMethod(AGENT_SERVICE_NAME, 'getStatus')
  getStatus(): GetStatusResponse {
    return { status: this.statuses.observe() };
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'watchStatus')
  watchStatus({ heartbeatIntervalMs }: WatchStatusRequest): Observable<WatchStatusResponse> {
    const statuses = this.statusWatch.watch(heartbeatIntervalMs);
    return statuses.pipe(map((machineStatus) => ({ status: machineStatus })));
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'updateRatholeConfig')
  async updateRatholeConfig(
    @Payload({ schema: updateRatholeConfig }) request: UpdateRatholeConfigRequest,
  ): Promise<UpdateRatholeConfigResponse> {
    const targets = await this.data.push(request);
    return { config: toAppliedConfig(this.data.configState), targets };
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'confirmRatholeConfig')
  async confirmRatholeConfig(
    @Payload({ schema: confirmRatholeConfig }) request: ConfirmRatholeConfigRequest,
  ): Promise<ConfirmRatholeConfigResponse> {
    await this.data.confirm(request.revision, request.sha256);
    return { config: toAppliedConfig(this.data.configState) };
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'restartRathole')
  async restartRathole(
    @Payload({ schema: restartRathole }) { reason }: RestartRatholeRequest,
  ): Promise<RestartRatholeResponse> {
    await this.data.restart(reason || 'the edge asked for it');
    return { data: this.statuses.dataClient() };
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'createCertificateRequest')
  async createCertificateRequest(): Promise<CreateCertificateRequestResponse> {
    return { csrPem: await this.renewal.request() };
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'installCertificate')
  async installCertificate(
    @Payload({ schema: installCertificate }) request: InstallCertificateRequest,
  ): Promise<InstallCertificateResponse> {
    await this.renewal.install(request.certificatePem, request.confirmWithinSeconds);
    return {};
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'confirmCertificate')
  async confirmCertificate(
    @Payload({ schema: confirmCertificate }) { sha256 }: ConfirmCertificateRequest,
  ): Promise<ConfirmCertificateResponse> {
    await this.renewal.confirm(sha256);
    return {};
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'updateControlConfig')
  async updateControlConfig(
    @Payload({ schema: updateControlConfig }) request: UpdateControlConfigRequest,
  ): Promise<UpdateControlConfigResponse> {
    await this.control.begin(request);
    return {};
  }

  @GrpcMethod(AGENT_SERVICE_NAME, 'confirmControlConfig')
  async confirmControlConfig(
    @Payload({ schema: confirmControlConfig }) { sha256 }: ConfirmControlConfigRequest,
    _metadata: unknown,
    @PeerPort() fromPort: number,
  ): Promise<ConfirmControlConfigResponse> {
    await this.control.confirm(sha256, fromPort);
    return {};
  }
}
