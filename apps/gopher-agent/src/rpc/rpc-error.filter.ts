import { Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { status } from '@grpc/grpc-js';
import { type Observable, throwError } from 'rxjs';
import { LogError, LogUnavailableError, TooManyLogReadersError } from '@gopher/log';
import {
  AgentError,
  BusyError,
  CertificateRefusedError,
  ClientStartError,
  ConfigRefusedError,
  NothingPendingError,
  PolicyRefusedError,
  PushAbortedError,
  RevisionRefusedError,
  StorageError,
} from '../agent.errors.js';

const CODES = new Map<unknown, status>([
  [ConfigRefusedError, status.INVALID_ARGUMENT],
  [PolicyRefusedError, status.INVALID_ARGUMENT],
  [CertificateRefusedError, status.INVALID_ARGUMENT],
  [RevisionRefusedError, status.FAILED_PRECONDITION],
  [NothingPendingError, status.FAILED_PRECONDITION],
  [LogUnavailableError, status.FAILED_PRECONDITION],
  [TooManyLogReadersError, status.RESOURCE_EXHAUSTED],
  [PushAbortedError, status.ABORTED],
  [ClientStartError, status.UNAVAILABLE],
  [BusyError, status.RESOURCE_EXHAUSTED],
]);

interface RpcFailure {
  code: status;
  message: string;
}

/** Libraries and features throw what went wrong; here it becomes a gRPC status. */
@Catch()
export class RpcErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger(RpcErrorFilter.name);

  catch(error: unknown): Observable<never> {
    return throwError(() => this.toFailure(error));
  }

  private toFailure(error: unknown): RpcFailure {
    if (error instanceof RpcException) return error.getError() as RpcFailure;
    if (error instanceof AgentError || error instanceof LogError) {
      return { code: codeOf(error), message: error.message };
    }
    this.logger.error('A call failed', error instanceof Error ? error.stack : String(error));
    return { code: status.INTERNAL, message: 'Unexpected error; the log of the agent has more' };
  }
}

function codeOf(error: AgentError | LogError): status {
  if (error instanceof StorageError && error.full) return status.RESOURCE_EXHAUSTED;
  return CODES.get(error.constructor) ?? status.INTERNAL;
}
