import type { SecureContext } from 'node:tls';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Metadata, type MethodDefinition, type ServiceError, status } from '@grpc/grpc-js';
import {
  AgentClient,
  type AgentReport,
  type AgentTarget,
  AgentUnreachableError,
} from '@gopher/machine';
import { AgentService, type WatchStatusResponse } from '@gopher/proto';
import { ServerConfig } from '../config/server.config.js';
import { AgentCertificates } from './agent-certificates.js';
import { AgentChannel, type ChannelTrust } from './agent-channel.js';
import {
  type AgentConfigClient,
  ConfigNotTakenError,
  ConfigOutdatedError,
  ConfigRefusedError,
  ConfirmationUnknownError,
  type DataConfig,
  type TakenConfig,
} from './agent-config-client.js';
import { toAgentReport, toAppliedConfig } from './agent-report.mapper.js';
import { ServerCredentials } from './server-credentials.js';

const HEARTBEAT_MS = 5_000;
/** The agent waits for its data client, and tries targets, before it answers. */
const PUSH_DEADLINE_MS = 15_000;

/** The agent's answer to the call; anything else says that the agent is not to be had. */
const ANSWERS = new Set([
  status.ABORTED,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNKNOWN,
]);

export interface StreamEnd {
  /** For a person to read. */
  reason: string;
  /** null: it was no failure. */
  code: status | null;
}

@Injectable()
export class GrpcAgentClient
  extends AgentClient
  implements AgentConfigClient, OnApplicationShutdown
{
  /** One channel per machine, kept open; dropped when the address or our certificate changes. */
  private readonly channels = new Map<string, AgentChannel>();

  constructor(
    private readonly config: ServerConfig,
    private readonly credentials: ServerCredentials,
    private readonly certificates: AgentCertificates,
  ) {
    super();
  }

  async getStatus(target: AgentTarget): Promise<AgentReport> {
    const channel = await this.channel(target);
    return toAgentReport((await this.call(channel, AgentService.getStatus, {})).status);
  }

  async restartRathole(target: AgentTarget, reason: string): Promise<void> {
    const channel = await this.channel(target);
    await this.call(channel, AgentService.restartRathole, { reason }, PUSH_DEADLINE_MS);
  }

  async updateRatholeConfig(target: AgentTarget, config: DataConfig): Promise<TakenConfig> {
    const channel = await this.channel(target);
    const method = AgentService.updateRatholeConfig;
    const request = { ...config, revision: BigInt(config.revision) };
    try {
      const taken = await this.call(channel, method, request, PUSH_DEADLINE_MS);
      const targets = taken.targets.map(({ service, accepts, detail }) => ({
        service,
        accepts,
        detail,
      }));
      return { state: taken.config ? toAppliedConfig(taken.config).state : 'unknown', targets };
    } catch (error) {
      throw configErrorOf(error as ServiceError);
    }
  }

  async confirmRatholeConfig(
    target: AgentTarget,
    { revision, sha256 }: Pick<DataConfig, 'revision' | 'sha256'>,
  ): Promise<void> {
    const channel = await this.channel(target);
    const request = { revision: BigInt(revision), sha256 };
    try {
      await this.call(channel, AgentService.confirmRatholeConfig, request);
    } catch (error) {
      throw configErrorOf(error as ServiceError);
    }
  }

  async watch(
    target: AgentTarget,
    onReport: (report: AgentReport) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const request = { heartbeatIntervalMs: HEARTBEAT_MS };
    const onMessage = ({ status: report }: WatchStatusResponse) => onReport(toAgentReport(report));
    const method = AgentService.watchStatus;
    return (await this.follow(target, method, request, onMessage, signal)).reason;
  }

  /**
   * Hands every message of a stream to `onMessage` until `signal` aborts, which cancels it on the
   * agent as well, or it ends. Resolves with why. Has no deadline: a frozen agent shows by the
   * channel's keepalive.
   */
  async follow<Request, Response>(
    target: AgentTarget,
    method: MethodDefinition<Request, Response>,
    request: Request,
    onMessage: (message: Response) => void,
    signal: AbortSignal,
  ): Promise<StreamEnd> {
    const { client } = await this.channel(target);
    if (signal.aborted) return { reason: 'Nobody watches any more', code: null };
    const { path, requestSerialize, responseDeserialize } = method;
    const stream = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
    );
    const cancel = () => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<StreamEnd>((resolve) => {
        stream.on('data', onMessage);
        stream.on('error', ({ code, details, message }: ServiceError) => {
          resolve({ reason: details || message, code });
        });
        stream.on('end', () => resolve({ reason: 'The agent ended its stream', code: null }));
      });
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Calls of its own over a connection that is made now. */
  async anew<T>(target: AgentTarget, work: (channel: AgentChannel) => Promise<T>): Promise<T> {
    const channel = await this.freshChannel(target);
    try {
      return await work(channel);
    } finally {
      channel.close();
    }
  }

  /** Over a connection that is made now. The caller closes it. */
  async freshChannel(target: AgentTarget): Promise<AgentChannel> {
    return new AgentChannel(target, this.trust(target, await this.credentials.get()));
  }

  /** One call with the usual deadline and errors. @throws AgentUnreachableError, ServiceError */
  call<Request, Response>(
    { client, target }: AgentChannel,
    method: MethodDefinition<Request, Response>,
    request: Request,
    deadlineMs = this.config.agentDeadlineMs,
  ): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    const options = { deadline: Date.now() + deadlineMs };
    return new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null, response?: Response) => {
        if (!error) return resolve(response as Response);
        if (ANSWERS.has(error.code)) return reject(error);
        reject(new AgentUnreachableError(target.id, error.details, { cause: error }));
      };
      const metadata = new Metadata();
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        answered,
      );
    });
  }

  /** SHA-256 of the certificate that the agent answered with last; null: no channel yet. */
  presentedCertificate(machineId: string): string | null {
    return this.channels.get(machineId)?.presented ?? null;
  }

  forget(machineId: string): void {
    this.channels.get(machineId)?.close();
    this.channels.delete(machineId);
  }

  onApplicationShutdown(): void {
    for (const id of [...this.channels.keys()]) this.forget(id);
  }

  async channel(target: AgentTarget): Promise<AgentChannel> {
    const context = await this.credentials.get();
    const known = this.channels.get(target.id);
    const current = known?.target.agentAddr === target.agentAddr && known.trust.context === context;
    if (known && current) return known;
    known?.close();
    const channel = new AgentChannel(target, this.trust(target, context));
    this.channels.set(target.id, channel);
    return channel;
  }

  private trust({ id }: AgentTarget, context: SecureContext): ChannelTrust {
    return {
      context,
      allows: (sha256) => this.certificates.allows(id, sha256),
    };
  }
}

/** What a status means that answers a call about a configuration. */
function configErrorOf(error: ServiceError): Error {
  const { code, details } = error;
  switch (code) {
    case status.INVALID_ARGUMENT:
      return new ConfigRefusedError(details, { cause: error });
    case status.ABORTED:
      return /supersed/i.test(details)
        ? new ConfigOutdatedError(details, { cause: error })
        : new ConfigNotTakenError(details, { cause: error });
    case status.FAILED_PRECONDITION:
      return new ConfigOutdatedError(details, { cause: error });
    case status.UNIMPLEMENTED:
      return new ConfirmationUnknownError(details, { cause: error });
    default:
      return error;
  }
}
