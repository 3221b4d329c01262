import {
  type ChannelCredentials,
  type Client,
  credentials,
  makeGenericClientConstructor,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { machineName } from '@gopher/identity/names';
import {
  AgentService,
  type GetLogsRequest,
  type GetStatusResponse,
  type MachineStatus,
  type StreamMetricsResponse,
  type WatchStatusResponse,
} from '@gopher/proto';
import type { FakeEdge } from './fake-edge.js';
import { ALL_LOGS, type LogCall, LogStream } from './log-stream.js';

const AgentServiceClient = makeGenericClientConstructor(AgentService, 'gopher.agent.v1.Agent');

export interface CallerOptions {
  port: number;
  /** null: no certificate. Default: that of the edge. */
  keyPem?: string | null;
  certificatePem?: string;
  machineId?: string;
}

export function callerOptions(
  edge: FakeEdge,
  options: CallerOptions,
): [string, ChannelCredentials, Record<string, string | number>] {
  const key = options.keyPem === null ? null : Buffer.from(options.keyPem ?? edge.serverKeyPem);
  const certificate = Buffer.from(options.certificatePem ?? edge.serverCertificatePem);
  const ca = Buffer.from(edge.ca.certificatePem);
  return [
    `127.0.0.1:${options.port}`,
    credentials.createSsl(ca, key, key && certificate),
    {
      'grpc.ssl_target_name_override': machineName(options.machineId ?? edge.machineId),
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.use_local_subchannel_pool': 1,
    },
  ];
}

type Calls = Record<string, (...args: unknown[]) => unknown>;

/** @throws ServiceError */
export function unary<T>(
  client: Client,
  method: string,
  request: object,
  deadlineMs = 5_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  const calls = client as unknown as Calls;
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, response: T) =>
      error ? reject(error) : resolve(response);
    calls[method]?.(request, new Metadata(), { deadline }, done);
  });
}

/** Calls an agent as the edge does: with its certificate, and for one machine. */
export class AgentCaller {
  private readonly client: Client;

  constructor(edge: FakeEdge, options: CallerOptions) {
    this.client = new AgentServiceClient(...callerOptions(edge, options));
  }

  /** @throws ServiceError */
  call<T>(method: string, request: object, deadlineMs?: number): Promise<T> {
    return unary<T>(this.client, method, request, deadlineMs);
  }

  async status(): Promise<MachineStatus> {
    return (await this.call<GetStatusResponse>('getStatus', {})).status!;
  }

  watch(heartbeatIntervalMs = 60_000): MessageStream<MachineStatus> {
    const call = this.stream('watchStatus', { heartbeatIntervalMs });
    return new MessageStream(call, (message) => (message as WatchStatusResponse).status!);
  }

  metrics(intervalMs: number): MessageStream<StreamMetricsResponse> {
    const call = this.stream('streamMetrics', { intervalMs });
    return new MessageStream(call, (message) => message as StreamMetricsResponse);
  }

  private stream(method: string, request: object): StreamCall {
    const calls = this.client as unknown as Record<string, (request: object) => StreamCall>;
    return calls[method]!(request);
  }

  logs(request: Partial<GetLogsRequest>): LogStream {
    const calls = this.client as unknown as { getLogs: (request: object) => LogCall };
    return new LogStream(calls.getLogs({ ...ALL_LOGS, ...request }));
  }

  close(): void {
    this.client.close();
  }
}

interface StreamCall {
  on(event: 'data', listener: (message: unknown) => void): void;
  on(event: 'error', listener: (error: ServiceError) => void): void;
  cancel(): void;
}

/** Every message of one stream, in order. */
export class MessageStream<T> {
  readonly seen: T[] = [];
  error: ServiceError | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly call: StreamCall,
    read: (message: unknown) => T,
  ) {
    const tell = () => this.listeners.forEach((listener) => listener());
    call.on('data', (message) => {
      this.seen.push(read(message));
      tell();
    });
    call.on('error', (error) => {
      this.error = error;
      tell();
    });
  }

  /** The first message, from that one on, that is so. */
  until(what: string, isSo: (message: T) => boolean, from = 0, timeoutMs = 20_000): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      const found = this.seen.slice(from).find(isSo);
      if (found) resolve(found);
      else if (this.error) reject(this.error);
    };
    const timer = setTimeout(() => {
      reject(new Error(`not seen: ${what}; last: ${inspect(this.seen.at(-1))}`));
    }, timeoutMs);
    this.listeners.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.listeners.delete(look);
    });
  }

  /** The next message that comes. */
  next(timeoutMs?: number): Promise<T> {
    return this.until('one more', () => true, this.seen.length, timeoutMs);
  }

  cancel(): void {
    this.call.cancel();
  }
}

function inspect(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  );
}
