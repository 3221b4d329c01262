import { HttpException, NotFoundException } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import {
  AgentUnreachableError,
  MachineChangedError,
  MachineNameTakenError,
  MachineNotFoundError,
} from '@gopher/machine';
import { TokenRefusedError } from '../enrolment/enrolment.errors.js';
import { InvalidRequestError } from './invalid-request.error.js';
import { isDatabaseAway, toProblem } from './problem.js';

const fastifyError = (code: string, statusCode: number) =>
  Object.assign(new Error('from Fastify'), { name: 'FastifyError', code, statusCode });
const failed = (code: string) =>
  new QueryFailedError('SELECT', [], Object.assign(new Error('from PostgreSQL'), { code }));

describe(toProblem.name, () => {
  it.each([
    [new InvalidRequestError([{ path: 'name', message: 'is odd' }]), 400, 'invalid-request'],
    [TokenRefusedError.expired(), 401, 'token-expired'],
    [new MachineNotFoundError('x'), 404, 'machine-not-found'],
    [new MachineNameTakenError('x'), 409, 'machine-name-taken'],
    [new MachineChangedError('x'), 412, 'machine-changed'],
    [new AgentUnreachableError('x', 'silence'), 502, 'agent-unreachable'],
    [fastifyError('FST_ERR_CTP_BODY_TOO_LARGE', 413), 413, 'body-too-large'],
    [
      new HttpException('x', 415, { cause: fastifyError('FST_ERR_CTP_INVALID_MEDIA_TYPE', 415) }),
      415,
      'body-not-json',
    ],
    [failed('57P01'), 503, 'database-unavailable'],
  ])('of %s is a %i', (error, status, code) => {
    const problem = toProblem(error);
    expect(problem).toMatchObject({ status, type: `urn:gopher:problem:${code}` });
    expect(problem.detail).not.toBe('');
  });

  it('keeps what a route said that is none', () => {
    expect(toProblem(new NotFoundException('Cannot GET /x'))).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'Cannot GET /x',
    });
  });

  it.each([
    new Error('secret'),
    'secret',
    null,
    undefined,
    { statusCode: 500, message: 'secret' },
    failed('42703'),
  ])('tells nothing of the inside: %s', (error) => {
    const problem = toProblem(error);
    expect(problem.status).toBe(500);
    expect(JSON.stringify(problem)).not.toMatch(/secret|PostgreSQL/);
  });
});

describe(isDatabaseAway.name, () => {
  const errno = (code: string, syscall = 'connect') =>
    Object.assign(new Error(code), { code, syscall });

  it.each([
    failed('08006'),
    failed('57P01'),
    failed('57P03'),
    failed('53300'),
    failed('55000'),
    failed('28P01'),
    failed('3D000'),
    failed('25006'),
    errno('ECONNREFUSED'),
    errno('ENOENT'),
    errno('ENOTFOUND', 'getaddrinfo'),
    errno('EHOSTUNREACH'),
    new Error('Connection terminated unexpectedly'),
    new Error('timeout exceeded when trying to connect'),
    new Error('Query read timeout'),
    new Error('Driver not Connected'),
    new Error('Query runner already released. Cannot run queries anymore.'),
  ])('is so with %s', (error) => {
    expect(isDatabaseAway(error)).toBe(true);
  });

  it.each([
    failed('23505'),
    failed('42P01'),
    failed('40001'),
    errno('ENOENT', 'open'),
    errno('ENOSPC', 'write'),
    new TypeError('x is not a function'),
    null,
    'away',
  ])('is not so with %s', (error) => {
    expect(isDatabaseAway(error)).toBe(false);
  });
});
