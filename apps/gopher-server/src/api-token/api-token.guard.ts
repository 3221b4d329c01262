import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { DomainError } from '@gopher/machine';
import { PUBLIC } from '../http/public.decorator.js';
import { ApiTokens } from './api-tokens.js';

export class UnauthorizedError extends DomainError {
  readonly code = 'unauthorized';
  readonly kind = 'refused';
  constructor() {
    super(
      'This call needs the header "Authorization: Bearer <token>"; the token is in the file ' +
        'api-token of the state directory, which the server named when it started',
    );
  }
}

@Injectable()
export class ApiTokenGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: ApiTokens,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const handlers = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, handlers)) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const token = bearerToken(request.headers.authorization);
    if (token === null || !(await this.tokens.accepts(token))) throw new UnauthorizedError();
    return true;
  }
}

export function bearerToken(header: string | undefined): string | null {
  return /^Bearer ([\x21-\x7e]{1,200})$/i.exec(header ?? '')?.[1] ?? null;
}
