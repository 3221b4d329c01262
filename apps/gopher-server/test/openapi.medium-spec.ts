import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { TestingServer } from './testing-server.js';

interface Operation {
  operationId?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema?: unknown }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<
    string,
    { description?: string; content?: Record<string, { schema?: unknown }> }
  >;
}

interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Record<string, unknown>>; securitySchemes: object };
  security: unknown[];
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
const PROBLEM = { $ref: '#/components/schemas/Problem' };

describe('the description of the API', () => {
  let server: TestingServer;
  let document: Document;
  let operations: [string, Operation][];

  beforeAll(async () => {
    server = await TestingServer.start();
    document = (await server.fetch<Document>('/openapi.json')).body;
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, Operation] => [
        `${method} ${path}`,
        operation,
      ]),
    );
  });

  afterAll(() => server.stop());

  it('is OpenAPI 3.1', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({
      title: 'Gopher',
      version: expect.stringMatching(/^\d+\./),
    });
    expect(document.security).toEqual([{ token: [] }]);
    expect(document.components.securitySchemes).toEqual({
      token: { type: 'http', scheme: 'bearer' },
      oneTimeToken: { type: 'http', scheme: 'bearer', description: expect.any(String) },
    });
    for (const [path, item] of Object.entries(document.paths)) {
      expect(path).toMatch(/^\/api\/v1\//);
      for (const method of Object.keys(item)) expect(METHODS).toContain(method);
    }
  });

  it('has operations enough', () => {
    expect(operations.length).toBeGreaterThanOrEqual(23);
  });

  it('gives every operation an id of its own, a tag and an answer', () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [name, { operationId, tags, responses }] of operations) {
      expect([name, operationId]).toEqual([name, expect.stringMatching(/^[a-z][A-Za-z]+$/)]);
      expect(tags).toHaveLength(1);
      expect(Object.keys(responses).filter((status) => status.startsWith('2'))).toHaveLength(1);
    }
  });

  it('gives every operation its problems, in their media type', () => {
    for (const [name, { responses }] of operations) {
      const problems = Object.entries(responses).filter(([status]) => status >= '400');
      expect([name, problems.map(([status]) => status)]).toEqual([
        name,
        expect.arrayContaining(['401', '503']),
      ]);
      for (const [status, { content }] of problems) {
        expect([name, status, content]).toEqual([
          name,
          status,
          { 'application/problem+json': { schema: PROBLEM } },
        ]);
      }
    }
  });

  it('has every route of the server, but for what is not its API', () => {
    const known = operations.map(([name]) => name);
    const routes = server
      .routes()
      .filter(
        (route) => !/ [/](?:docs|openapi[.](?:json|yaml)|healthz|readyz|metrics)\b/.test(route),
      );
    expect(routes.length).toBeGreaterThanOrEqual(23);
    expect(routes.toSorted()).toEqual(known.toSorted());
  });

  it('gives every operation what is answered before it gets to see a request', () => {
    for (const [name, { responses }] of operations) {
      const expected = ['400', '408', '431', ...(name.includes('{') ? ['414'] : [])];
      if (!name.startsWith('get ')) expected.push('413', '415');
      expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(expected)]);
    }
  });

  it('names a header once, and never the one with the token', () => {
    for (const [name, { parameters = [] }] of operations) {
      const headers = parameters.filter((parameter) => parameter.in === 'header');
      const names = headers.map((parameter) => parameter.name.toLowerCase());
      expect([name, new Set(names).size]).toEqual([name, names.length]);
      expect([name, names]).not.toEqual([name, expect.arrayContaining(['authorization'])]);
      expect([name, headers.filter(({ required }) => required)]).toEqual([name, []]);
    }
  });

  const streamsOf = (all: typeof operations) =>
    all.filter(([, { responses }]) =>
      Object.keys(responses['200']?.content ?? {}).includes('text/event-stream'),
    );

  it('says what a stream of events consists of', () => {
    const streams = streamsOf(operations);
    expect(streams.map(([, { operationId }]) => operationId)).toContain('watchEvents');
    for (const [name, { responses }] of streams) {
      const { schema } = responses['200']!.content!['text/event-stream']!;
      expect([name, schema]).toEqual([
        name,
        expect.objectContaining({ type: 'object', required: ['event', 'data'] }),
      ]);
    }
  });

  it('answers for the head of a stream alone', async () => {
    const paths = streamsOf(operations).map(([name]) => name.replace(/^get /, ''));
    for (const path of paths.filter((one) => !one.includes('{'))) {
      const { authorization } = server.authorization;
      const request = { method: 'HEAD', headers: { authorization }, agent: false };
      const [answer] = await once(get(`${server.url}${path}`, request), 'response');
      const { headers, statusCode } = answer as IncomingMessage;
      expect([path, statusCode]).toEqual([path, 200]);
      expect([path, headers['content-type']]).toEqual([
        path,
        expect.stringMatching(/^text\/event-stream/),
      ]);
    }
  });

  it('says which operations need no token of the API', () => {
    const open = operations.filter(([, { security }]) => security !== undefined);
    expect(open.map(([, { operationId, security }]) => [operationId, security])).toEqual([
      ['enrol', [{}]],
      ['getCa', [{}]],
      ['getClientConfig', [{ oneTimeToken: [] }]],
    ]);
  });

  it('declares every part of a path, and a schema for each parameter', () => {
    for (const [name, { parameters = [] }] of operations) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, part]) => part);
      const declared = parameters.filter((parameter) => parameter.in === 'path');
      expect([name, declared.map((parameter) => parameter.name)]).toEqual([name, inPath]);
      for (const parameter of parameters) {
        expect([name, parameter.name, typeof parameter.schema]).toEqual([
          name,
          parameter.name,
          'object',
        ]);
        if (parameter.in === 'path') expect(parameter.required).toBe(true);
      }
    }
  });

  it('describes the body of every create and change', () => {
    const withBody = operations.filter(([, { requestBody }]) => requestBody);
    expect(withBody.map(([, { operationId = '' }]) => operationId).toSorted()).toEqual([
      'createMachine',
      'createTunnel',
      'enrol',
      'updateMachine',
      'updateTunnel',
    ]);
    for (const [, { requestBody }] of withBody) {
      expect(Object.keys(requestBody!.content)).toEqual(['application/json']);
    }
  });

  it('refers to nothing that it does not have', () => {
    const names = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) =>
      match.at(1)!,
    );
    expect(names.length).toBeGreaterThan(20);
    for (const ref of new Set(names)) {
      const schema = /^#\/components\/schemas\/(\w+)$/.exec(ref)?.[1];
      expect([ref, schema && typeof document.components.schemas[schema]]).toEqual([ref, 'object']);
    }
  });

  it('tells what an answer really looks like', async () => {
    const { id } = await server.createMachine('attic');
    const { properties, required } = document.components.schemas['Machine'] as {
      properties: object;
      required: string[];
    };
    const answer = await server.api<object>('GET', `/machines/${id}`);
    expect(Object.keys(answer).sort()).toEqual(Object.keys(properties).sort());
    expect(required.toSorted()).toEqual(Object.keys(properties).sort());
    const problem = (await server.call('/machines/x')).body;
    const described = document.components.schemas['Problem'] as { properties: object };
    for (const field of Object.keys(problem)) expect(described.properties).toHaveProperty(field);
  });

  it('can be read and tried at /docs, without a credential', async () => {
    const page = await server.fetch<string>('/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.text).toContain('swagger-ui');
    const script = await server.fetch<string>('/docs/swagger-ui-bundle.js');
    expect([script.status, script.text.length > 100_000]).toEqual([200, true]);
  });
});
