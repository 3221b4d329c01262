import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DomainError } from '@gopher/machine';
import { bearerToken } from '../api-token/api-token.guard.js';
import { MetricsToken } from './metrics-token.js';

class MetricsTokenRefusedError extends DomainError {
  readonly code = 'unauthorized';
  readonly kind = 'refused';
  constructor() {
    super(
      'This page needs the header "Authorization: Bearer <token>"; its token is in the file ' +
        'metrics-token of the state directory, and is not that of the API',
    );
  }
}

@Injectable()
export class MetricsTokenGuard implements CanActivate {
  constructor(private readonly token: MetricsToken) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    const token = bearerToken(headers.authorization);
    if (token === null || !this.token.accepts(token)) throw new MetricsTokenRefusedError();
    return true;
  }
}
