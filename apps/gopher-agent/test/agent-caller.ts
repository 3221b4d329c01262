import {
  type Client,
  credentials,
  makeGenericClientConstructor,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { machineName } from '@gopher/identity';
import {
  AgentService,
  type MachineStatus,
  type WatchStatusResponse,
} from '@gopher/proto';
import type { FakeEdge } from './fake-edge.js';

const AgentServiceClient = makeGenericClientConstructor(AgentService, 'gopher.agent.v1.Agent');

export interface CallerOptions {
  port: number;
  keyPem?: string | null;
  certificatePem?: string;
  caPem?: string;
  machineId?: string;
}

/** Calls an agent as the edge does: with its certificate, and for one machine. */
export class AgentCaller {
  readonly client: Client & Record<string, (...args: unknown[]) => unknown>;

  constructor(edge: FakeEdge, options: CallerOptions) {
    const ca = Buffer.from(options.caPem ?? edge.ca.certificatePem);
    const key = options.keyPem === null ? null : Buffer.from(options.keyPem ?? edge.serverKeyPem);
    const certificate = Buffer.from(options.certificatePem ?? edge.serverCertificatePem);
    const tls = credentials.createSsl(ca, key, key && certificate);
    this.client = new AgentServiceClient(`127.0.0.1:${options.port}`, tls, {
      'grpc.ssl_target_name_override': machineName(options.machineId ?? edge.machineId),
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.use_local_subchannel_pool': 1,
    }) as unknown as AgentCaller['client'];
  }

  /** @throws ServiceError */
  call<T>(method: string, request: object, deadlineMs = 5_000): Promise<T> {
    const deadline = Date.now() + deadlineMs;
    return new Promise((resolve, reject) => {
      this.client[method]!(
        request,
        new Metadata(),
        { deadline },
        (error: ServiceError | null, response: T) => (error ? reject(error) : resolve(response)),
      );
    });
  }

  async status(): Promise<MachineStatus> {
    return (await this.call<WatchStatusResponse>('getStatus', {})).status!;
  }

  watch(heartbeatIntervalMs = 60_000): StatusStream {
    const call = this.client['watchStatus']!({ heartbeatIntervalMs }) as StatusStream['call'];
    return new StatusStream(call);
  }

  close(): void {
    this.client.close();
  }
}

/** Every status of one stream, in order. */
export class StatusStream {
  readonly seen: MachineStatus[] = [];
  error: ServiceError | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(
    readonly call: NodeJS.ReadableStream & { cancel(): void },
  ) {
    call.on('data', ({ status }: WatchStatusResponse) => {
      this.seen.push(status!);
      for (const listener of this.listeners) listener();
    });
    call.on('error', (error: ServiceError) => {
      this.error = error;
      for (const listener of this.listeners) listener();
    });
  }

  /** The first status, from the ones already seen on, that is so. */
  until(what: string, isSo: (status: MachineStatus) => boolean, from = 0, timeoutMs = 20_000) {
    const { promise, resolve, reject } = Promise.withResolvers<MachineStatus>();
    const look = () => {
      const found = this.seen.slice(from).find(isSo);
      if (found) resolve(found);
      else if (this.error) reject(this.error);
    };
    const timer = setTimeout(() => {
      const last = JSON.stringify(this.seen.at(-1), (_, v: unknown) =>
        typeof v === 'bigint' ? String(v) : v,
      );
      reject(new Error(`not seen: ${what}; last: ${last}`));
    }, timeoutMs);
    this.listeners.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.listeners.delete(look);
    });
  }

  cancel(): void {
    this.call.on('error', () => {});
    this.call.cancel();
  }
}

