import { applyDecorators } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import { STATUS_CODES } from 'node:http';
import { problemView } from './problem.js';

/** Documents the problems that an operation answers with, beside 401 and 503, which all can. */
export function ApiProblem(...statuses: number[]): MethodDecorator {
  return applyDecorators(
    ...[...statuses, 401, 503].map((status) =>
      ApiResponse({ status, description: STATUS_CODES[status] ?? '', standardSchema: problemView }),
    ),
  );
}
