import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { bearerToken } from '../api-token/api-token.guard.js';
import { checkedIdempotencyKey } from './idempotency.js';

type HeaderOptions = Parameters<typeof ApiHeader>[0];
type Header = string | undefined;

/** A header that a caller may leave out, how it is documented, and what refuses a wrong one. */
function optionalHeader(
  options: HeaderOptions,
  checked: (value: Header) => Header = (value) => value,
): () => ParameterDecorator {
  const Value = createParamDecorator((_: unknown, context: ExecutionContext) => {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    return checked(headers[options.name.toLowerCase()] as Header);
  });
  return () => (target, method, index) => {
    Value()(target, method, index);
    const descriptor = method && Object.getOwnPropertyDescriptor(target, method);
    if (descriptor) ApiHeader({ ...options, required: false })(target, method, descriptor);
  };
}

export const IfMatch = optionalHeader({
  name: 'If-Match',
  description: 'Only when it was not changed since this ETag; default: however it is',
  schema: { type: 'string', pattern: '^(?:\\*|"[0-9]{1,9}")$', example: '*' },
});

export const IdempotencyKeyHeader = optionalHeader(
  {
    name: 'Idempotency-Key',
    description: 'Chosen by the caller; a second request with it creates nothing more',
    schema: { type: 'string', pattern: '^[!-~](?:[ -~]{0,198}[!-~])?$' },
  },
  checkedIdempotencyKey,
);

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
