import { createParamDecorator, type ExecutionContext, Headers } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { bearerToken } from '../api-token/api-token.guard.js';

type HeaderOptions = Parameters<typeof ApiHeader>[0];

/** A header that a caller may leave out, and how it is documented. */
function optionalHeader(options: HeaderOptions): () => ParameterDecorator {
  return () => (target, method, index) => {
    Headers(options.name)(target, method, index);
    const descriptor = method && Object.getOwnPropertyDescriptor(target, method);
    if (descriptor) ApiHeader({ ...options, required: false })(target, method, descriptor);
  };
}

export const IfMatch = optionalHeader({
  name: 'If-Match',
  description: 'Only when it was not changed since this ETag; default: however it is',
  schema: { type: 'string', pattern: '^(?:\\*|"[0-9]{1,9}")$', example: '*' },
});

export const IdempotencyKeyHeader = optionalHeader({
  name: 'Idempotency-Key',
  description: 'Chosen by the caller; a second request with it creates nothing more',
  schema: { type: 'string', pattern: '^[!-~](?:[ -~]{0,198}[!-~])?$' },
});

export const LastEventId = optionalHeader({
  name: 'Last-Event-ID',
  description: 'The id of the last event that arrived: what was missed comes first',
  schema: { type: 'string' },
});

/** The token of `Authorization: Bearer`; null: there is none. Documented by the security scheme. */
export const BearerToken = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
  return bearerToken(headers.authorization);
});
