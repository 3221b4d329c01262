import { STATUS_CODES } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { RELEASE } from '../release.js';
import { PROBLEM_MEDIA_TYPE } from './problem.js';
import { ONE_TIME_TOKEN } from './public.decorator.js';

interface Response {
  description?: string;
  content?: Record<string, unknown>;
}

interface Operation {
  responses?: Record<string, Response>;
}

/** What is answered to a request that no operation gets to see. */
const BEFORE_ALL = [400, 408, 431];
const BEFORE_WITH_PATH_PARAMETERS = [414];
const BEFORE_WITH_BODY = [413, 415];

export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const options = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Gopher')
    .setDescription('Tunnels to machines behind NAT: what publishes them, and what watches them.')
    .setVersion(RELEASE)
    .addSecurity('token', { type: 'http', scheme: 'bearer' })
    .addSecurity(ONE_TIME_TOKEN, {
      type: 'http',
      scheme: 'bearer',
      description: 'Handed out by the API for one machine and one use',
    })
    .addSecurityRequirements('token')
    .build();
  const document = SwaggerModule.createDocument(app, options);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item) as [string, Operation][]) {
      documentProblems(operation, problemsBefore(path, method));
    }
  }
  return document;
}

function problemsBefore(path: string, method: string): number[] {
  return [
    ...BEFORE_ALL,
    ...(path.includes('{') ? BEFORE_WITH_PATH_PARAMETERS : []),
    // A body is read, and refused, also where none is asked for.
    ...(method === 'get' ? [] : BEFORE_WITH_BODY),
  ];
}

function documentProblems(operation: Operation, more: readonly number[]): void {
  const responses = (operation.responses ??= {});
  for (const status of more) responses[status] ??= { description: STATUS_CODES[status] ?? '' };
  for (const [status, response] of Object.entries(responses)) {
    if (status < '400') continue;
    response.content = {
      [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } },
    };
  }
}
