import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { HealthCheckService, TypeOrmHealthIndicator } from '@nestjs/terminus';
import { DomainError } from '@gopher/machine';
import { Public } from '../http/public.decorator.js';

const DATABASE_TIMEOUT_MS = 1_000;

class NotReadyError extends DomainError {
  readonly code = 'not-ready';
  readonly kind = 'unavailable';
  constructor(options: ErrorOptions) {
    super(
      'database: it does not answer. Tunnels go on, and so does this server when it is back',
      options,
    );
  }
}

/** For load balancers and supervisors. */
@Public()
@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly database: TypeOrmHealthIndicator,
  ) {}

  /** The process answers. */
  @Get('healthz')
  alive(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** The process can do its work. */
  @Get('readyz')
  @Header('cache-control', 'no-store')
  async ready() {
    try {
      return await this.health.check([
        () => this.database.pingCheck('database', { timeout: DATABASE_TIMEOUT_MS }),
      ]);
    } catch (cause) {
      throw new NotReadyError({ cause });
    }
  }
}
