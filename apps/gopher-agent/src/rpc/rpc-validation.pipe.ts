import { StandardSchemaValidationPipe } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { status } from '@grpc/grpc-js';

/** The default pipe throws HttpException, which gRPC callers would see as UNKNOWN. */
export class RpcValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({
      exceptionFactory: (issues) =>
        new RpcException({
          code: status.INVALID_ARGUMENT,
          message: issues
            .map(({ path = [], message }) => `${path.map(String).join('.')}: ${message}`)
            .join('; '),
        }),
    });
  }
}
