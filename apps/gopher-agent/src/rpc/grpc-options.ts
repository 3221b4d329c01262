import { type GrpcOptions, Transport } from '@nestjs/microservices';
import type { ServerCredentials, ServerInterceptor } from '@grpc/grpc-js';
import { AGENT_PACKAGES, agentPackageDefinition } from '@gopher/proto';

/** A configuration of 1 MiB and what surrounds it. */
const MAX_MESSAGE_BYTES = 1024 * 1024 + 64 * 1024;

export interface ListenOptions {
  port: number;
  credentials: ServerCredentials;
  interceptor: ServerInterceptor;
}

/** Loopback only: the edge comes in through the control client. */
export function grpcOptions({ port, credentials, interceptor }: ListenOptions): GrpcOptions {
  return {
    transport: Transport.GRPC,
    options: {
      url: `127.0.0.1:${port}`,
      package: AGENT_PACKAGES,
      packageDefinition: agentPackageDefinition,
      credentials,
      maxReceiveMessageLength: MAX_MESSAGE_BYTES,
      maxSendMessageLength: MAX_MESSAGE_BYTES,
      // A stream over a connection that died silently must end, or the edge would seem present.
      keepalive: { keepaliveTimeMs: 10_000, keepaliveTimeoutMs: 5_000 },
      channelOptions: {
        interceptors: [interceptor],
        'grpc.max_concurrent_streams': 64,
        'grpc.enable_channelz': 0,
      },
    },
  };
}
