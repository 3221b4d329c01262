import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type Observable, tap } from 'rxjs';
import { DomainError } from '@gopher/machine';

export class PreconditionUnreadableError extends DomainError {
  readonly code = 'precondition-unreadable';
  readonly kind = 'changed';
  constructor(header: string) {
    super(`If-Match: ${header.slice(0, 80)} is none of the ETags that were handed out, as in "3"`);
  }
}

const etagOf = (version: number): string => `"${version}"`;

/**
 * The version that `If-Match` asks for; null: any.
 * @throws PreconditionUnreadableError
 */
export function expectedVersion(ifMatch: string | undefined): number | null {
  if (ifMatch === undefined || ifMatch.trim() === '*') return null;
  const version = /^"(\d{1,9})"$/.exec(ifMatch.trim())?.[1];
  if (version === undefined) throw new PreconditionUnreadableError(ifMatch);
  return Number(version);
}

/** Gives every answer that has a version an ETag. */
@Injectable()
export class EtagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      tap((body: unknown) => {
        const { version } = (body ?? {}) as { version?: unknown };
        if (typeof version === 'number') void reply.header('etag', etagOf(version));
      }),
    );
  }
}
