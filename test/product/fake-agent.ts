import {
  experimental,
  type sendUnaryData,
  Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import {
  type CertificateAuthority,
  certificateSha256,
  createCertificateRequest,
  generatePrivateKey,
} from '@gopher/identity';
import {
  AgentService,
  type CheckTargetsRequest,
  type ConfirmCertificateRequest,
  type ConfirmControlConfigRequest,
  type ConfirmRatholeConfigRequest,
  ConfigState,
  type InstallCertificateRequest,
  MachineStatus,
  PROTOCOL_VERSION,
  RatholeClientState,
  RevertCause,
  type RunDiagnosticsRequest,
  type RunDiagnosticsResponse,
  type TargetCheck,
  type TargetExpectation,
  type StreamMetricsRequest,
  StreamMetricsResponse,
  type UpdateControlConfigRequest,
  type UpdateRatholeConfigRequest,
  type WatchStatusRequest,
  type WatchStatusResponse,
} from '@gopher/proto';
import { configSha256 } from '@gopher/rathole';

type Provider = Parameters<typeof experimental.createCertificateProviderServerCredentials>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];
type StatusStream = ServerWritableStream<WatchStatusRequest, WatchStatusResponse>;
type MetricStream = ServerWritableStream<StreamMetricsRequest, StreamMetricsResponse>;

export const AGENT_CALLS = [
  'getStatus',
  'watchStatus',
  'streamMetrics',
  'updateRatholeConfig',
  'confirmRatholeConfig',
  'restartRathole',
  'runDiagnostics',
  'createCertificateRequest',
  'installCertificate',
  'confirmCertificate',
  'updateControlConfig',
  'confirmControlConfig',
  'checkTargets',
] as const;
export type AgentCall = (typeof AGENT_CALLS)[number];

export interface AgentIdentity {
  keyPem: string;
  certificatePem: string;
}

export interface FakeAgentOptions {
  machineId: string;
  /** The certificate of the CA that a caller's must come from. */
  caPem: string;
  identity: AgentIdentity;
  /** Default: one that is free. */
  port?: number;
  /**
   * What its enrolment gave its data client. Default: nothing, and it is older than confirmations.
   */
  config?: HeldConfig;
  /** What its enrolment gave its control client. Default: it is older than to say. */
  control?: string;
}

interface HeldConfig {
  revision: number;
  toml: string;
  sha256: string;
}

/** A key and the certificate that `ca` gives a machine for it. */
export async function agentIdentity(
  ca: CertificateAuthority,
  machineId: string,
  validity?: { notBefore: Date; notAfter: Date },
): Promise<AgentIdentity> {
  const keyPem = generatePrivateKey();
  const csrPem = await createCertificateRequest(keyPem);
  return { keyPem, certificatePem: await ca.issueMachine(csrPem, machineId, validity) };
}

/**
 * An agent without a machine, over the real wire: mutual TLS, gRPC, the whole status. Of these one
 * process can have a thousand, each with a port of its own.
 */
export class FakeAgent {
  /** What it says of its machine; `tell` sends a change to those who watch. */
  status: MachineStatus;
  /** Every call, in the order of arrival. */
  readonly calls: AgentCall[] = [];
  /** Calls in this set are never answered. */
  readonly hanging = new Set<AgentCall>();
  /** Calls in here are answered with this error, after they were carried out. */
  readonly failing = new Map<AgentCall, { code: status; details: string }>();
  /** Every push, in the order of arrival. */
  readonly pushes: UpdateRatholeConfigRequest[] = [];
  /** Answers pushes with INVALID_ARGUMENT and this, and takes nothing. */
  refusing: ((push: UpdateRatholeConfigRequest) => string) | null = null;
  /** Its data client does not take what is pushed: it is taken back at once, with this reason. */
  notTaking: string | null = null;
  /** Takes back what is not confirmed within so long, whatever a push says. */
  windowMs: number | null = null;
  /** Every control client that it was told to start, in the order of arrival. */
  readonly controlPushes: UpdateControlConfigRequest[] = [];
  /** Answers what would move its control client with INVALID_ARGUMENT and this. */
  refusingControl: string | null = null;
  /** The port at which a second control client lets it be reached; null: it does not get through. */
  secondPort: (toml: string) => Promise<number | null> = () => Promise.resolve(null);
  /** Answers RunDiagnostics; null: it is older than the call. */
  diagnose: ((request: RunDiagnosticsRequest) => RunDiagnosticsResponse) | null = null;
  /** What a target is found to be, beyond accepting at once; null: it has no such service. */
  target: (expected: TargetExpectation) => Partial<TargetCheck> | null = () => ({});
  /** What it measures, at each sample; null: it is older than to measure. */
  measure: (() => StreamMetricsResponse) | null = () => quietMetrics();
  /** What its data client is told to run from now on. */
  onConfig: (toml: string) => Promise<void> | void = () => {};
  /** Resolves a call before it is carried out. */
  before: (call: AgentCall) => Promise<void> | void = () => {};

  /** One for each port, as if for each control client. */
  private readonly servers = new Map<number, Server>();
  private readonly streams = new Set<StatusStream>();
  private readonly metricStreams = new Map<MetricStream, NodeJS.Timeout>();
  private readonly provider: RotatingProvider;
  private identity: AgentIdentity;
  private requestedKeyPem: string | null = null;
  private pending: AgentIdentity | null = null;
  private listeningPort = 0;
  private held: HeldConfig;
  private control: { sha256: string; port: number; timer: NodeJS.Timeout } | null = null;
  private trial: { config: HeldConfig; timer: NodeJS.Timeout } | null = null;

  private constructor({ machineId, caPem, identity, config, control }: FakeAgentOptions) {
    this.identity = identity;
    this.provider = new RotatingProvider(caPem, identity);
    this.held = config ?? { revision: 0, toml: '', sha256: '' };
    const revision = BigInt(this.held.revision);
    this.status = {
      ...healthyStatus(machineId),
      config: applied(this.held, ConfigState.APPLIED),
      highestRevision: revision,
      controlSha256: control === undefined ? '' : configSha256(control),
      policyVersion: '',
    };
  }

  static async listen(options: FakeAgentOptions): Promise<FakeAgent> {
    const agent = new FakeAgent(options);
    agent.listeningPort = await agent.open(options.port ?? 0);
    return agent;
  }

  get port(): number {
    return this.listeningPort;
  }

  get address(): string {
    return `127.0.0.1:${this.listeningPort}`;
  }

  /** SHA-256 of the certificate that new connections see. */
  get presented(): string {
    return certificateSha256(this.provider.identity.certificatePem);
  }

  get watchers(): number {
    return this.streams.size;
  }

  /** Milliseconds between two samples, of each stream that is open. */
  get metricIntervals(): number[] {
    return [...this.metricStreams.keys()].map(({ request }) => request.intervalMs);
  }

  /** A sample beside those that are due, to all who follow. */
  tellMetrics(metrics: StreamMetricsResponse): void {
    for (const stream of this.metricStreams.keys()) stream.write(metrics);
  }

  /** Changes the status and sends it to those who watch. */
  tell(change: Partial<MachineStatus>): void {
    this.status = { ...this.status, ...change, sequence: this.status.sequence + 1n };
    for (const stream of this.streams) stream.write({ status: this.status });
  }

  /** Presents another certificate to new connections. */
  present(identity: AgentIdentity): void {
    this.identity = identity;
    this.provider.present(identity);
  }

  /** No confirmation came in time: back to the certificate before. */
  goBack(): void {
    this.pending = null;
    this.provider.present(this.identity);
  }

  /** As if it had been told to hold another configuration, by whomever. */
  async hold(config: HeldConfig): Promise<void> {
    clearTimeout(this.trial?.timer);
    this.trial = null;
    this.held = config;
    await this.onConfig(config.toml);
    const highestRevision = BigInt(config.revision);
    this.tell({ config: applied(config, ConfigState.APPLIED), highestRevision });
  }

  /** Breaks every connection; new ones are welcome. */
  disconnect(): void {
    this.servers.get(this.port)?.drain(this.address, 0);
  }

  /** Ends every connection and the listener. */
  close(): void {
    clearTimeout(this.trial?.timer);
    clearTimeout(this.control?.timer);
    for (const stream of this.streams) stream.end();
    for (const stream of this.metricStreams.keys()) this.endMetrics(stream);
    for (const port of [...this.servers.keys()]) this.shut(port);
  }

  private shut(port: number): void {
    this.servers.get(port)?.forceShutdown();
    this.servers.delete(port);
  }

  private async open(port: number): Promise<number> {
    // grpc-js names the two parameters the wrong way round: the first is the identity.
    const { provider } = this;
    const tls = experimental.createCertificateProviderServerCredentials(provider, provider, true);
    const server = new Server({ 'grpc.enable_channelz': 0 });
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, tls, (error, found) =>
        error ? reject(error) : resolve(found),
      );
    });
    server.addService(AgentService, this.implementation(bound));
    this.servers.set(bound, server);
    return bound;
  }

  private implementation(port: number): UntypedServiceImplementation {
    return {
      getStatus: this.unary('getStatus', () => ({ status: this.status })),
      updateRatholeConfig: this.unary('updateRatholeConfig', (request) => this.take(request)),
      confirmRatholeConfig: this.unary('confirmRatholeConfig', (request) => this.keep(request)),
      restartRathole: this.unary('restartRathole', () => ({ data: this.status.data })),
      runDiagnostics: this.unary('runDiagnostics', (request: RunDiagnosticsRequest) => {
        if (this.diagnose) return this.diagnose(request);
        throw failure(status.UNIMPLEMENTED, 'This agent is older than the call');
      }),
      createCertificateRequest: this.unary('createCertificateRequest', () => this.request()),
      installCertificate: this.unary('installCertificate', (request) => this.install(request)),
      confirmCertificate: this.unary('confirmCertificate', (request) => this.confirm(request)),
      updateControlConfig: this.unary('updateControlConfig', (request) => this.begin(request)),
      confirmControlConfig: this.unary('confirmControlConfig', (request) =>
        this.settle(request, port),
      ),
      checkTargets: this.unary('checkTargets', (request) => this.check(request)),
      watchStatus: (stream: StatusStream) => this.watch(stream),
      streamMetrics: (stream: MetricStream) => this.streamMetrics(stream),
    };
  }

  private unary<Request, Response>(
    name: AgentCall,
    answer: (request: Request) => Response | Promise<Response>,
  ) {
    return (call: ServerUnaryCall<Request, Response>, reply: sendUnaryData<Response>) => {
      this.calls.push(name);
      if (this.hanging.has(name)) return;
      const carriedOut = async () => {
        await this.before(name);
        const response = await answer(call.request);
        const failure = this.failing.get(name);
        if (failure) return reply(failure);
        reply(null, response);
      };
      carriedOut().catch((error: unknown) => {
        const { code = status.UNKNOWN } = error as Partial<ServiceError>;
        const details = error instanceof Error ? error.message : String(error);
        reply({ code, details });
      });
    };
  }

  private watch(stream: StatusStream): void {
    this.calls.push('watchStatus');
    this.streams.add(stream);
    for (const end of ['cancelled', 'error', 'close']) {
      stream.on(end, () => this.streams.delete(stream));
    }
    if (!this.hanging.has('watchStatus')) stream.write({ status: this.status });
  }

  private streamMetrics(stream: MetricStream): void {
    this.calls.push('streamMetrics');
    if (!this.measure) {
      const details = 'The server does not implement the method StreamMetrics';
      stream.emit('error', { code: status.UNIMPLEMENTED, details });
      return;
    }
    const send = () => {
      if (this.measure) stream.write(this.measure());
    };
    this.metricStreams.set(stream, setInterval(send, stream.request.intervalMs));
    for (const end of ['cancelled', 'error', 'close']) {
      stream.on(end, () => this.endMetrics(stream));
    }
    if (!this.hanging.has('streamMetrics')) send();
  }

  private endMetrics(stream: MetricStream): void {
    clearInterval(this.metricStreams.get(stream));
    this.metricStreams.delete(stream);
    stream.end();
  }

  private async take(request: UpdateRatholeConfigRequest) {
    this.pushes.push(request);
    const { revision, toml, sha256, confirmWithinSeconds } = request;
    if (this.refusing !== null) throw failure(status.INVALID_ARGUMENT, this.refusing(request));
    const knowsTrials = this.status.highestRevision > 0n;
    if (!knowsTrials && confirmWithinSeconds > 0) {
      throw failure(status.UNIMPLEMENTED, 'This agent does not await confirmations');
    }
    if (knowsTrials && revision <= this.status.highestRevision) {
      throw nothingPending(`Revision ${revision} is not above ${this.status.highestRevision}`);
    }
    clearTimeout(this.trial?.timer);
    const config = { revision: Number(revision), toml, sha256 };
    if (knowsTrials) this.tell({ highestRevision: revision });
    if (this.notTaking !== null) {
      await this.takeBack(config, RevertCause.NOT_TAKEN, this.notTaking);
      throw failure(status.ABORTED, this.notTaking);
    }
    await this.onConfig(toml);
    const state = confirmWithinSeconds > 0 ? ConfigState.UNCONFIRMED : ConfigState.APPLIED;
    if (confirmWithinSeconds > 0) this.try(config, this.windowMs ?? confirmWithinSeconds * 1_000);
    else this.held = config;
    this.tell({ config: applied(config, state) });
    return { config: applied(config, state), targets: [] };
  }

  private try(config: HeldConfig, windowMs: number): void {
    const timer = setTimeout(() => {
      void this.takeBack(config, RevertCause.NOT_CONFIRMED, `not confirmed in ${windowMs} ms`);
    }, windowMs);
    this.trial = { config, timer };
  }

  private async takeBack(config: HeldConfig, cause: RevertCause, reason: string): Promise<void> {
    this.trial = null;
    await this.onConfig(this.held.toml);
    const { revision, sha256 } = config;
    this.tell({
      config: applied(this.held, ConfigState.APPLIED),
      reverted: { revision: BigInt(revision), sha256, cause, reason },
    });
  }

  private keep({ revision, sha256 }: ConfirmRatholeConfigRequest) {
    const { trial } = this;
    const isTrial = trial?.config.revision === Number(revision) && trial.config.sha256 === sha256;
    if (isTrial) {
      clearTimeout(trial.timer);
      this.held = trial.config;
      this.trial = null;
      this.tell({ config: applied(this.held, ConfigState.APPLIED), reverted: undefined });
    } else if (this.held.sha256 !== sha256 || this.held.revision !== Number(revision)) {
      throw nothingPending(`Revision ${revision} was taken back`);
    }
    return { config: applied(this.held, ConfigState.APPLIED) };
  }

  private async begin(request: UpdateControlConfigRequest) {
    this.controlPushes.push(request);
    const { toml, sha256, confirmWithinSeconds } = request;
    if (this.refusingControl !== null) {
      throw failure(status.INVALID_ARGUMENT, this.refusingControl);
    }
    if ([this.control?.sha256, this.status.controlSha256].includes(sha256)) return {};
    this.endSecond();
    const port = await this.secondPort(toml);
    if (port !== null) await this.open(port);
    const timer = setTimeout(() => this.endSecond(), confirmWithinSeconds * 1_000);
    this.control = { sha256, port: port ?? 0, timer };
    return {};
  }

  private check({ targets }: CheckTargetsRequest) {
    const found = targets.flatMap((expected) => {
      const change = this.target(expected);
      const { service } = expected;
      const check = { service, target: '', accepts: true, detail: '', connectMs: 1 };
      return change === null ? [] : [{ ...check, ...change }];
    });
    return { targets: found };
  }

  private endSecond(): void {
    clearTimeout(this.control?.timer);
    this.shut(this.control?.port ?? 0);
    this.control = null;
  }

  private settle({ sha256 }: ConfirmControlConfigRequest, port: number) {
    const { control } = this;
    if (!control && sha256 === this.status.controlSha256 && port === this.port) return {};
    if (control?.sha256 !== sha256 || control.port !== port) {
      throw nothingPending('This call did not come through the control client that it confirms');
    }
    clearTimeout(control.timer);
    const before = this.port;
    this.control = null;
    this.listeningPort = port;
    this.tell({ controlSha256: sha256 });
    this.shut(before);
    return {};
  }

  private async request() {
    this.requestedKeyPem = generatePrivateKey();
    return { csrPem: await createCertificateRequest(this.requestedKeyPem) };
  }

  private install({ certificatePem }: InstallCertificateRequest) {
    if (this.requestedKeyPem === null) throw nothingPending('No certificate was requested');
    this.pending = { keyPem: this.requestedKeyPem, certificatePem };
    this.provider.present(this.pending);
    return {};
  }

  private confirm({ sha256 }: ConfirmCertificateRequest) {
    const { pending } = this;
    if (!pending || certificateSha256(pending.certificatePem) !== sha256) {
      throw nothingPending('No installed certificate awaits this confirmation');
    }
    this.identity = pending;
    this.pending = null;
    return {};
  }
}

export function healthyStatus(machineId: string): MachineStatus {
  const client = {
    state: RatholeClientState.CONNECTED,
    pid: 1,
    startedAt: new Date(),
    restarts: 0,
    restartNeeded: false,
    detail: '',
  };
  return MachineStatus.fromPartial({
    protocolVersion: PROTOCOL_VERSION,
    agentVersion: '0.1.0',
    ratholeVersion: '0.5.0',
    machineId,
    observedAt: new Date(),
    sequence: 1n,
    instanceId: 'fake',
    system: {
      hostname: 'fake',
      os: 'linux',
      arch: 'x64',
      cpuUsage: 0.1,
      cpuCores: 2,
      memoryTotalBytes: 2n ** 30n,
      memoryAvailableBytes: 2n ** 29n,
      load1: 0.1,
      load5: 0.1,
      load15: 0.1,
      uptimeSeconds: 3_600n,
      disks: [{ mountPoint: '/', totalBytes: 2n ** 34n, availableBytes: 2n ** 33n }],
    },
    control: client,
    data: client,
    config: { revision: 0n, sha256: '', state: ConfigState.APPLIED, detail: '' },
  });
}

/** Of a machine with one disk and one interface, on which nothing happens. */
export function quietMetrics(changes: Partial<StreamMetricsResponse> = {}): StreamMetricsResponse {
  const usage = { pid: 1, cpuUsage: 0.001, residentBytes: 2n ** 23n, openFiles: 9, threads: 4 };
  return StreamMetricsResponse.fromPartial({
    observedAt: new Date(),
    monotonicMs: BigInt(Math.round(performance.timeOrigin + performance.now())),
    system: {
      ...healthyStatus('').system,
      disks: [
        {
          mountPoint: '/',
          type: 'ext4',
          totalBytes: 2n ** 34n,
          availableBytes: 2n ** 33n,
          totalInodes: 1_000_000n,
          availableInodes: 900_000n,
        },
      ],
    },
    coreUsage: [0.1, 0.1],
    swapTotalBytes: 2n ** 30n,
    swapFreeBytes: 2n ** 30n,
    interfaces: [{ name: 'eth0', receivedBytes: 1_000n, sentBytes: 2_000n }],
    temperatures: [{ sensor: 'coretemp Package id 0', celsius: 41.5 }],
    processes: ['agent', 'control', 'data'].map((name) => ({ name, ...usage })),
    ...changes,
  });
}

const applied = ({ revision, sha256 }: HeldConfig, state: ConfigState) => ({
  revision: BigInt(revision),
  sha256,
  state,
  detail: '',
});

const failure = (code: status, details: string): Error =>
  Object.assign(new Error(details), { code });

const nothingPending = (details: string): Error => failure(status.FAILED_PRECONDITION, details);

/** A change of the certificate leaves existing connections alone. */
class RotatingProvider implements Provider {
  identity: AgentIdentity;
  private readonly caPem: string;
  private readonly listeners = new Set<IdentityListener>();

  constructor(caPem: string, identity: AgentIdentity) {
    this.caPem = caPem;
    this.identity = identity;
  }

  present(identity: AgentIdentity): void {
    this.identity = identity;
    for (const listener of this.listeners) listener(this.update());
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.listeners.add(listener);
    // Not at once: grpc-js begins to watch for updates only after this call.
    process.nextTick(() => listener(this.update()));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.listeners.delete(listener);
  }

  addCaCertificateListener(listener: Parameters<Provider['addCaCertificateListener']>[0]): void {
    process.nextTick(() => listener({ caCertificate: Buffer.from(this.caPem) }));
  }

  removeCaCertificateListener(): void {
    // The CA does not change while the agent runs.
  }

  private update() {
    const { certificatePem, keyPem } = this.identity;
    return { certificate: Buffer.from(certificatePem), privateKey: Buffer.from(keyPem) };
  }
}
