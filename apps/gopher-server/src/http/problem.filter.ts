import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpStatus,
  Logger,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PROBLEM_MEDIA_TYPE, toProblem } from './problem.js';

const RETRY_AFTER_S = 2;

@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = toProblem(error);
    if (problem.status === HttpStatus.INTERNAL_SERVER_ERROR) this.logger.error(error);
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (reply.raw.headersSent) return; // an SSE stream already under way
    if (problem.status === HttpStatus.SERVICE_UNAVAILABLE) {
      void reply.header('retry-after', RETRY_AFTER_S);
    }
    if (problem.status === HttpStatus.UNAUTHORIZED) void reply.header('www-authenticate', 'Bearer');
    void reply.status(problem.status).type(PROBLEM_MEDIA_TYPE).send(problem);
  }
}
