import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

/** The call itself, for what an Observable can not do: to write only as fast as it is read. */
export const GrpcCall = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  context.getArgByIndex<unknown>(2),
);
