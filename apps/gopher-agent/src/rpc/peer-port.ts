import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { ServerUnaryCall } from '@grpc/grpc-js';

/** The port of the caller's end of the connection; 0 when there is none any more. */
export const PeerPort = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  const peer = context.getArgByIndex<ServerUnaryCall<unknown, unknown>>(2).getPeer();
  return Number(/:(\d+)$/.exec(peer)?.[1] ?? 0);
});
