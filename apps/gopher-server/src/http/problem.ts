import { STATUS_CODES } from 'node:http';
import { HttpException, HttpStatus } from '@nestjs/common';
import { z } from 'zod';
import { DomainError, type ErrorKind } from '@gopher/machine';
import { InvalidRequestError, type RequestIssue } from './invalid-request.error.js';

/** RFC 9457 problem details. */
export const problemView = z
  .object({
    type: z.string().meta({ example: 'urn:gopher:problem:machine-not-found' }),
    title: z.string().meta({ example: 'Not Found' }),
    status: z.int().meta({ example: 404 }),
    detail: z.string().meta({ description: 'What is wrong, where, and what to do about it' }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'One entry for each invalid field' }),
  })
  .meta({ id: 'Problem' });
export type Problem = z.output<typeof problemView>;

const STATUS_OF: Record<ErrorKind, HttpStatus> = {
  invalid: HttpStatus.BAD_REQUEST,
  refused: HttpStatus.UNAUTHORIZED,
  'not-found': HttpStatus.NOT_FOUND,
  conflict: HttpStatus.CONFLICT,
  changed: HttpStatus.PRECONDITION_FAILED,
  unreachable: HttpStatus.BAD_GATEWAY,
  unavailable: HttpStatus.SERVICE_UNAVAILABLE,
};

export function toProblem(error: unknown): Problem {
  if (error instanceof DomainError) {
    const issues = error instanceof InvalidRequestError ? error.issues : undefined;
    return problem(STATUS_OF[error.kind], error.message, error.code, issues);
  }
  if (error instanceof HttpException) return problem(error.getStatus(), detailOf(error));
  if (isDatabaseAway(error)) {
    return problem(
      HttpStatus.SERVICE_UNAVAILABLE,
      'The database does not answer. Tunnels go on; repeat the request in a moment',
      'database-unavailable',
    );
  }
  const status = statusOf(error);
  if (status !== null) return problem(status, (error as Error).message);
  return problem(
    HttpStatus.INTERNAL_SERVER_ERROR,
    'Unexpected error; the log of the server has more',
  );
}

function problem(status: number, detail: string, code?: string, errors?: RequestIssue[]): Problem {
  return {
    type: code ? `urn:gopher:problem:${code}` : 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...(errors ? { errors } : {}),
  };
}

function detailOf(error: HttpException): string {
  const response = error.getResponse();
  if (typeof response === 'string') return response;
  const { message } = response as { message?: string | string[] };
  return [message ?? error.message].flat().join('; ');
}

/** Fastify's own errors, as for a body that is too large, carry the status they mean. */
function statusOf(error: unknown): number | null {
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
    ? statusCode
    : null;
}

/** Of PostgreSQL's classes: 08 connection, 53 too little of something, 57P shut down. */
const AWAY_SQLSTATE = /^(?:08...|53...|57P0[1-4])$/;
const AWAY_ERRNO = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT']);
const AWAY_MESSAGE =
  /Connection terminated|timeout exceeded when trying to connect|Driver not Connected|not queryable/;

export function isDatabaseAway(error: unknown): boolean {
  const { driverError, code, message } = (error ?? {}) as {
    driverError?: { code?: unknown; message?: unknown };
    code?: unknown;
    message?: unknown;
  };
  const codes = [code, driverError?.code].filter((value) => typeof value === 'string');
  const messages = [message, driverError?.message].filter((value) => typeof value === 'string');
  return (
    codes.some((value) => AWAY_SQLSTATE.test(value) || AWAY_ERRNO.has(value)) ||
    messages.some((value) => AWAY_MESSAGE.test(value))
  );
}
