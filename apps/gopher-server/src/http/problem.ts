import { STATUS_CODES } from 'node:http';
import { HttpException, HttpStatus } from '@nestjs/common';
import { z } from 'zod';
import { DomainError, type ErrorKind } from '@gopher/machine';
import { InvalidRequestError, type RequestIssue } from './invalid-request.error.js';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

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
  if (error instanceof HttpException) {
    return ofFramework(error.cause) ?? problem(error.getStatus(), detailOf(error));
  }
  if (isDatabaseAway(error)) {
    return problem(
      HttpStatus.SERVICE_UNAVAILABLE,
      'The database does not answer. Tunnels go on; repeat the request in a moment',
      'database-unavailable',
    );
  }
  return (
    ofFramework(error) ??
    problem(HttpStatus.INTERNAL_SERVER_ERROR, 'Unexpected error; the log of the server has more')
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

/** What Fastify refuses before a route sees it, by its code. */
const FRAMEWORK_REFUSALS: Record<string, { code: string; detail: string }> = {
  FST_ERR_BAD_URL: {
    code: 'path-unreadable',
    detail: 'path: has a "%" that is not followed by the two hex digits of a UTF-8 byte',
  },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'path-too-long', detail: 'path: has a part that is too long' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'body-not-json',
    detail: 'body: must be JSON, sent with the header "Content-Type: application/json"',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'body-too-large', detail: 'body: is larger than 1 MiB' },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: 'body-not-json',
    detail: 'body: is empty, although the header Content-Type says that it is JSON',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'body-not-json', detail: 'body: is not valid JSON' },
};

/** null: it is none of Fastify's errors that are the caller's to mend. */
function ofFramework(error: unknown): Problem | null {
  const { statusCode: status, code } = (error ?? {}) as { statusCode?: unknown; code?: unknown };
  if (typeof status !== 'number' || status < 400 || status >= 500) return null;
  const known = typeof code === 'string' ? FRAMEWORK_REFUSALS[code] : undefined;
  if (known) return problem(status, known.detail, known.code);
  return problem(status, (error as Error).message);
}

/**
 * Of PostgreSQL's classes: 08 connection, 53 too little of something, 57P shut down; and what it
 * answers to who connects: 28 a wrong password, 3D no such database, 55000 it takes no connections;
 * 25006: a standby, while another one takes over.
 */
const AWAY_SQLSTATE = /^(?:08...|28...|3D...|53...|55000|25006|57P0[1-5])$/;
const AWAY_ERRNO = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
const AWAY_MESSAGE =
  /Query read timeout|Connection terminated|timeout exceeded when trying to connect|Driver not Connected|not queryable|query runner (?:was )?already released/i;

export function isDatabaseAway(error: unknown): boolean {
  const { driverError, code, message, syscall } = (error ?? {}) as {
    driverError?: { code?: unknown; message?: unknown };
    code?: unknown;
    message?: unknown;
    syscall?: unknown;
  };
  // The unix socket is gone; of a file it would say something else.
  if (code === 'ENOENT' && syscall === 'connect') return true;
  const codes = [code, driverError?.code].filter((value) => typeof value === 'string');
  const messages = [message, driverError?.message].filter((value) => typeof value === 'string');
  return (
    codes.some((value) => AWAY_SQLSTATE.test(value) || AWAY_ERRNO.has(value)) ||
    messages.some((value) => AWAY_MESSAGE.test(value))
  );
}
