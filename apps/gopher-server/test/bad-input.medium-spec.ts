import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { parse } from 'smol-toml';
import { Reconciler } from '../src/edge/reconciler.js';
import { type Answer, type CallOptions, type Problem, TestingServer } from './testing-server.js';

const NOBODY = '0193a000-0000-7000-8000-000000000001';
const TABLES = [
  'machine',
  'tunnel',
  'port_lease',
  'join_token',
  'idempotency_key',
  'agent_certificate',
];

describe('bad input', () => {
  let server: TestingServer;
  let machineId: string;
  let tunnelId: string;

  beforeAll(async () => {
    server = await TestingServer.start();
    machineId = (await server.createMachine('home')).id;
    const tunnel = await post<{ id: string }>('/tunnels', { machineId, target: '127.0.0.1:80' });
    tunnelId = tunnel.body.id;
  });

  afterAll(() => server.stop());

  const post = <T = Problem>(path: string, body?: unknown, headers?: Record<string, string>) =>
    server.call<T>(path, {
      method: 'POST',
      ...(body === undefined ? {} : { body }),
      ...(headers ? { headers } : {}),
    });

  const json = { 'content-type': 'application/json' };

  /** Everything that an answer could have left half-done. */
  async function everything(): Promise<string> {
    await server.get(Reconciler).settled();
    const rows = await Promise.all(
      TABLES.map((table) => server.database.query<unknown[]>(`SELECT * FROM ${table}`)),
    );
    // What the prober writes of its own accord is none of it.
    const stable = (key: string, value: unknown) =>
      ['state', 'leg', 'reason', 'proof', 'probed_at'].includes(key) ? undefined : value;
    const lines = rows.flat().map((row) => JSON.stringify(row, stable));
    return [...lines.sort(), await server.serverToml()].join('\n');
  }

  /** The answer is a problem that says what and where, and nothing has changed. */
  async function expectRefused(
    call: () => Promise<Answer<unknown>>,
    expected: { status: number; code?: string; detail: RegExp },
  ): Promise<Problem> {
    const before = await everything();
    const answer = await call();
    expect(await everything()).toBe(before);
    return expectProblem(answer, expected);
  }

  function expectProblem(
    answer: Answer<unknown>,
    { status, code, detail }: { status: number; code?: string; detail: RegExp },
  ): Problem {
    const problem = answer.body as Problem;
    expect([answer.status, problem]).toEqual([status, expect.objectContaining({ status })]);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(problem).toEqual({
      type: code ? `urn:gopher:problem:${code}` : expect.any(String),
      title: expect.stringMatching(/^[A-Z]/),
      status,
      detail: expect.stringMatching(detail),
      ...(problem.errors ? { errors: problem.errors } : {}),
    });
    expect(answer.text).not.toMatch(/node_modules|\bat \S+:\d+:\d+/);
    return problem;
  }

  describe('in a name', () => {
    const names: [string, string][] = [
      ['nothing', ''],
      ['upper case', 'Attic'],
      ['a leading dash', '-attic'],
      ['a trailing dash', 'attic-'],
      ['a dot', 'attic.nas'],
      ['an underscore', 'attic_nas'],
      ['64 letters', 'a'.repeat(64)],
      ['a space', 'attic nas'],
      ['umlauts', 'dachböden'],
      ['a TOML table', 'x"]\n[server]\nbind_addr = "0.0.0.0:1"'],
      ['a TOML quote', 'x"'],
      ['a shell command', '$(reboot)'],
      ['another shell command', 'x; rm -rf /'],
      ['a shell quote', "x'"],
      ['SQL', "x'); DROP TABLE machine; --"],
      ['a newline at its end', 'attic\n'],
      ['NUL', 'attic\0'],
      ['half a surrogate pair', '\ud800'],
      ['a path', '../../etc/passwd'],
      ['markup', '<script>alert(1)</script>'],
    ];

    it.each(names)('%s is refused', async (_, name) => {
      const expected = {
        status: 400,
        code: 'invalid-request',
        detail: /^name: must be 1 to 63 of a-z/,
      };
      const { errors } = await expectRefused(() => post('/machines', { name }), expected);
      expect(errors).toEqual([{ path: 'name', message: expect.any(String) }]);
      const rename = () =>
        server.call(`/machines/${machineId}`, { method: 'PATCH', body: { name } });
      await expectRefused(rename, expected);
    });

    it.each([5, null, true, {}, ['attic']])('%j instead of text is refused', async (name) => {
      const detail = /^name: Invalid input: expected string/;
      await expectRefused(() => post('/machines', { name }), { status: 400, detail });
    });

    it('one that another machine has is refused', async () => {
      const expected = { status: 409, code: 'machine-name-taken', detail: /"home" already exists/ };
      await expectRefused(() => post('/machines', { name: 'home' }), expected);
      const { id } = await server.createMachine('second');
      const rename = () =>
        server.call(`/machines/${id}`, { method: 'PATCH', body: { name: 'home' } });
      await expectRefused(rename, expected);
    });

    it('one of many at once with the same name wins', async () => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, () => post('/machines', { name: 'wanted' })),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
        201,
        ...Array<number>(11).fill(409),
      ]);
    });
  });

  describe('in a tunnel', () => {
    const create = (changes: object) => () =>
      post('/tunnels', { machineId, target: '127.0.0.1:80', ...changes });

    it.each([0, -1, 65_536, 1e9, 80.5, '80', '80; reboot', [80], null, Number.NaN])(
      'the port %j is refused',
      async (port) => {
        await expectRefused(create({ port }), {
          status: 400,
          code: 'invalid-request',
          detail: /^port: /,
        });
      },
    );

    it.each([
      ['the API', () => server.ports.api, /reserved for Gopher's API/],
      ['rathole', () => server.ports.rathole, /reserved for rathole's control port/],
      ['back-channels', () => server.ports.backChannels.from, /reserved for the back-channels/],
    ])('the port of %s is refused', async (_, port, detail) => {
      const expected = { status: 409, code: 'port-reserved', detail };
      await expectRefused(create({ port: port() }), expected);
      await expectRefused(create({ port: port(), protocol: 'udp' }), expected);
    });

    it('a port that another tunnel has is refused, whatever its address', async () => {
      const { body } = await post<{ id: string; port: number }>('/tunnels', {
        machineId,
        target: '127.0.0.1:81',
      });
      const expected = {
        status: 409,
        code: 'port-taken',
        detail: new RegExp(`^port: .*by tunnel ${body.id}`),
      };
      await expectRefused(create({ port: body.port }), expected);
      await expectRefused(create({ port: body.port, bindAddress: '0.0.0.0' }), expected);
    });

    it('a port that another program listens on is refused', async () => {
      const tcp = createServer().listen(server.ports.next(), '127.0.0.1');
      await once(tcp, 'listening');
      const udp = createSocket('udp4').bind(server.ports.next(), '127.0.0.1');
      await once(udp, 'listening');
      const expected = {
        status: 409,
        code: 'port-taken',
        detail: /^port: .*by another program on the edge/,
      };
      const { port } = tcp.address() as { port: number };
      await expectRefused(create({ port }), expected);
      await expectRefused(create({ port: udp.address().port, protocol: 'udp' }), expected);
      tcp.close();
      udp.close();
    });

    it('one port is given to one of many that name it at once', async () => {
      const port = server.ports.next();
      const answers = await Promise.all(Array.from({ length: 8 }, create({ port })));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
        201,
        ...Array<number>(7).fill(409),
      ]);
    });

    it.each([
      '',
      'localhost',
      ':80',
      'localhost:',
      'localhost:0',
      'localhost:65536',
      'localhost:080',
      'localhost:80 ',
      'http://localhost:80',
      'localhost:80/path',
      'user@localhost:80',
      '999.1.1.1:80',
      '127.1:80',
      '::1:80',
      '[::1]',
      '[fe80::1%eth0]:80',
      'a b:80',
      '-a:80',
      'a"\n[client]:80',
      'a\0:80',
      `${'a'.repeat(64)}:80`,
      `${'a.'.repeat(200)}a:80`,
      '$(reboot):80',
    ])('the target %j is refused', async (target) => {
      const expected = { status: 400, code: 'invalid-request', detail: /^target: / };
      await expectRefused(create({ target }), expected);
      const change = () =>
        server.call(`/tunnels/${tunnelId}`, { method: 'PATCH', body: { target } });
      await expectRefused(change, expected);
    });

    it('an address that is none, or that the edge does not have, is refused', async () => {
      const invalid = { status: 400, detail: /^bindAddress: must be an IPv4 or IPv6 address/ };
      for (const bindAddress of [
        'everywhere',
        '1.2.3',
        '1.2.3.4:80',
        'fe80::1%lo',
        '',
        '0x7f000001',
      ]) {
        await expectRefused(create({ bindAddress }), invalid);
      }
      const away = {
        status: 409,
        code: 'address-unusable',
        detail: /^bindAddress: .*192\.0\.2\.1/,
      };
      await expectRefused(create({ bindAddress: '192.0.2.1' }), away);
      await expectRefused(create({ bindAddress: '192.0.2.1', port: server.ports.next() }), away);
    });

    it('another protocol, or a machine that there is not, is refused', async () => {
      const unknown = { status: 404, code: 'machine-not-found', detail: new RegExp(NOBODY) };
      await expectRefused(create({ machineId: NOBODY }), unknown);
      await expectRefused(create({ machineId: 'home' }), { status: 400, detail: /^machineId: / });
      await expectRefused(create({ protocol: 'icmp' }), { status: 400, detail: /^protocol: / });
      await expectRefused(create({ target: undefined }), { status: 400, detail: /^target: / });
    });

    it('what it speaks is refused unless it is known, and of UDP nothing is', async () => {
      const change = (body: unknown, id = tunnelId) => {
        return () => server.call(`/tunnels/${id}`, { method: 'PATCH', body });
      };
      const unknown = { status: 400, code: 'invalid-request', detail: /^speaks: / };
      for (const speaks of ['ftp', 'HTTP', '', 'http ', 1, true, [], ['http'], {}]) {
        await expectRefused(create({ speaks }), unknown);
        await expectRefused(change({ speaks }), unknown);
      }
      await expectRefused(change({ target: 'nowhere', speaks: 'http' }), {
        status: 400,
        detail: /^target: /,
      });
      await expectRefused(change({}), { status: 400, detail: /must have target, speaks or both/ });
      const udp = { status: 400, detail: /^speaks: must be null for a UDP tunnel/ };
      await expectRefused(create({ protocol: 'udp', speaks: 'http' }), udp);
      const made = await post<{ id: string }>('/tunnels', {
        machineId,
        protocol: 'udp',
        target: '127.0.0.1:53',
        speaks: null,
      });
      await expectRefused(change({ speaks: 'tls' }, made.body.id), udp);
      await expectRefused(change({ target: 'a:1', speaks: 'tls' }, made.body.id), udp);
    });

    it('the agent itself is refused as its target, however it is written', async () => {
      const { id } = await server.joinedMachine('with-agent');
      for (const host of [
        '127.0.0.1',
        'localhost',
        'LOCALHOST',
        '[::1]',
        '[0:0::1]',
        '[::ffff:127.0.0.1]',
        '127.8.8.8',
        '0.0.0.0',
        '[::]',
      ]) {
        for (const port of [4322, 4323]) {
          const target = `${host}:${port}`;
          const answer = await create({ machineId: id, target })();
          expectProblem(answer, {
            status: 409,
            code: 'target-reserved',
            detail: /^target: .*the agent itself/,
          });
        }
      }
      const elsewhere = await create({ machineId: id, target: '192.168.1.5:4322' })();
      expect(elsewhere.status).toBe(201);
      await server.api('DELETE', `/machines/${id}`);
    });

    it('several mistakes are named together', async () => {
      const answer = create({ port: 0, target: 'x', protocol: 'icmp' });
      const problem = await expectRefused(answer, {
        status: 400,
        detail: /protocol: .*; target: .*; port: /,
      });
      expect(problem.errors?.map(({ path }) => path).sort()).toEqual([
        'port',
        'protocol',
        'target',
      ]);
    });
  });

  describe('in a body', () => {
    it('a field that nobody knows is refused', async () => {
      const detail = /^body: Unrecognized key: "admin"$/;
      await expectRefused(() => post('/machines', { name: 'x', admin: true }), {
        status: 400,
        detail,
      });
      await expectRefused(
        () => post('/tunnels', { machineId, target: '127.0.0.1:80', admin: true }),
        { status: 400, detail },
      );
    });

    it.each([
      '{"name":',
      '{"name":"x"',
      "{'name':'x'}",
      'name',
      '{"name":"x"}}',
      '\u0000',
      '{"a":1,}',
    ])('%j is no JSON', async (body) => {
      const expected = { status: 400, code: 'body-not-json', detail: /^body: is not valid JSON/ };
      await expectRefused(() => post('/machines', body, json), expected);
    });

    it('something that is no object is refused', async () => {
      const detail = /^body: Invalid input: expected object/;
      for (const body of ['[]', 'null', '5', '"x"', 'true']) {
        await expectRefused(() => post('/machines', body, json), { status: 400, detail });
      }
      await expectRefused(() => post('/machines'), { status: 400, detail });
      const empty = { status: 400, code: 'body-not-json', detail: /^body: is empty/ };
      await expectRefused(() => post('/machines', '', json), empty);
    });

    it('a prototype in it is refused', async () => {
      for (const body of [
        '{"name":"x","__proto__":{"a":1}}',
        '{"constructor":{"prototype":{}},"name":"x"}',
      ]) {
        await expectRefused(() => post('/machines', body, json), {
          status: 400,
          detail: /^body: /,
        });
      }
    });

    it.each([
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'nonsense',
      'multipart/form-data; boundary=x',
    ])('the media type %s is refused', async (type) => {
      const body = type.includes('form-urlencoded') ? 'name=attic' : '{"name":"attic"}';
      const expected = { status: 415, code: 'body-not-json', detail: /^body: must be JSON/ };
      await expectRefused(() => post('/machines', body, { 'content-type': type }), expected);
    });

    it('more than 1 MiB is refused, also when it comes in pieces', async () => {
      const expected = {
        status: 413,
        code: 'body-too-large',
        detail: /^body: is larger than 1 MiB/,
      };
      const body = JSON.stringify({ name: 'x'.repeat(1024 * 1024) });
      await expectRefused(() => post('/machines', body, json), expected);
      await expectRefused(() => post('/tunnels', body, json), expected);
      await expectRefused(() => chunked('/machines', body), expected);
      const enrol = () =>
        server.fetch('/api/v1/enrolments', { method: 'POST', body, headers: json });
      await expectRefused(enrol, expected);
      // Just below it is read, and refused for what it says.
      const fits = JSON.stringify({ name: 'x'.repeat(1024 * 1024 - 20) });
      await expectRefused(() => post('/machines', fits, json), { status: 400, detail: /^name: / });
    });

    it('deep nesting is refused as any other', async () => {
      const body = `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
      await expectRefused(() => post('/machines', body, json), {
        status: 400,
        detail: /^(name|body): /,
      });
    });
  });

  describe('in a path', () => {
    const all: [string, (id: string) => string, CallOptions][] = [
      ['a machine', (id) => `/machines/${id}`, {}],
      ['a status', (id) => `/machines/${id}/status`, {}],
      ['a machine to rename', (id) => `/machines/${id}`, { method: 'PATCH', body: { name: 'x' } }],
      ['a machine to remove', (id) => `/machines/${id}`, { method: 'DELETE' }],
      ['a machine to join', (id) => `/machines/${id}/join-tokens`, { method: 'POST' }],
      ['a configuration', (id) => `/machines/${id}/client-config-tokens`, { method: 'POST' }],
      ['a tunnel', (id) => `/tunnels/${id}`, {}],
      [
        'a tunnel to change',
        (id) => `/tunnels/${id}`,
        { method: 'PATCH', body: { target: 'a:1' } },
      ],
      ['a tunnel to remove', (id) => `/tunnels/${id}`, { method: 'DELETE' }],
    ];

    it.each(all)('%s that there is not is not found', async (_, path, options) => {
      const code = path('').startsWith('/machines') ? 'machine-not-found' : 'tunnel-not-found';
      const expected = { status: 404, code, detail: new RegExp(NOBODY) };
      await expectRefused(() => server.call(path(NOBODY), options), expected);
    });

    it.each(all)('%s with an id that is none is refused', async (_, path, options) => {
      const odd = [
        '1',
        'home',
        '%00',
        `${NOBODY}%00`,
        `${NOBODY}%0a`,
        `%20${NOBODY}`,
        "1'%20OR%20'1'='1",
        'a'.repeat(190),
        '..%2f..%2fetc',
        '%F0%9F%92%A9',
      ];
      for (const id of odd) {
        const expected = { status: 400, code: 'invalid-request', detail: /^id: Invalid UUID/ };
        await expectRefused(() => server.call(path(id), options), expected);
      }
      const long = { status: 414, code: 'path-too-long', detail: /^path: .*too long/ };
      await expectRefused(() => server.call(path('a'.repeat(5_000)), options), long);
      const broken = { status: 400, code: 'path-unreadable', detail: /^path: / };
      await expectRefused(() => server.call(path('%zz'), options), broken);
    });

    it.each([
      '/nope',
      '/machines/',
      `/machines/${NOBODY}/nope`,
      '/../../etc/passwd',
      '/api/v1/machines',
    ])('%s is not found, and says so in the same form', async (path) => {
      const answer = await server.call(path);
      if (answer.status === 200) return; // a slash at the end makes no difference
      expectProblem(answer, { status: 404, detail: /^Cannot GET \// });
    });

    it('a method that it does not have is not found', async () => {
      const answer = await server.call('/machines', { method: 'PUT', body: {} });
      expectProblem(answer, { status: 404, detail: /^Cannot PUT \/api\/v1\/machines/ });
    });
  });

  it.each([
    ['limit=0', /^limit: /],
    ['limit=201', /^limit: /],
    ['limit=-5', /^limit: /],
    ['limit=ten', /^limit: /],
    ['limit=', /^limit: /],
    ['limit=1.5', /^limit: /],
    ['limit=1&limit=2', /^limit: /],
    ['cursor=x', /^cursor: is no cursor/],
    ['cursor=', /^cursor: is no cursor/],
    ['cursor=%00', /^cursor: is no cursor/],
    [`cursor=${'A'.repeat(100)}`, /^cursor: /],
    ['offset=10', /^query: Unrecognized key: "offset"/],
  ])('in a query, %s is refused', async (query, detail) => {
    for (const list of ['/machines', '/tunnels']) {
      await expectRefused(() => server.call(`${list}?${query}`), { status: 400, detail });
    }
  });

  describe('in headers', () => {
    it('no credential, or a wrong one, is refused wherever one is needed', async () => {
      const expected = { status: 401, code: 'unauthorized', detail: /Authorization: Bearer/ };
      const odd = [
        undefined,
        '',
        'Bearer',
        'Bearer x',
        'Basic eDp5',
        `Bearer ${'x'.repeat(43)}`,
        `Bearer ${'x'.repeat(5_000)}`,
      ];
      for (const authorization of odd) {
        for (const path of [
          '/machines',
          `/machines/${machineId}`,
          '/tunnels',
          '/edge',
          '/events',
        ]) {
          const headers: Record<string, string> =
            authorization === undefined ? {} : { authorization };
          const answer = await server.fetch(`/api/v1${path}`, { headers });
          expectProblem(answer, expected);
          expect(answer.headers.get('www-authenticate')).toBe('Bearer');
        }
      }
      const body = { name: '', nonsense: true };
      await expectRefused(
        () => server.fetch('/api/v1/machines', { method: 'POST', body }),
        expected,
      );
    });

    it('what is open needs none', async () => {
      for (const path of ['/healthz', '/readyz', '/docs', '/openapi.json', '/api/v1/ca']) {
        expect([path, (await server.fetch(path)).status]).toEqual([path, 200]);
      }
    });

    it('too many are refused', async () => {
      const answer = await server.call('/machines', { headers: { 'x-long': 'x'.repeat(20_000) } });
      expectProblem(answer, { status: 431, detail: /^headers: / });
    });

    it('what is no HTTP is answered, and the connection closed', async () => {
      const socket = connect(server.ports.api, '127.0.0.1');
      socket.end('\x16\x03\x01 this is no HTTP\r\n\r\n');
      const [head, body] = (await readAll(socket)).split('\r\n\r\n');
      expect(head).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json/s);
      expect(JSON.parse(body ?? '')).toMatchObject({
        status: 400,
        detail: expect.stringMatching(/HTTP/),
      });
    });
  });

  it('leaves a file that rathole can read, and only what was asked for in it', async () => {
    const toml = parse(await server.serverToml()) as { server: { services: object } };
    const rows = await server.database.query<{ id: string }[]>('SELECT id FROM tunnel');
    const services = Object.keys(toml.server.services).filter((name) => name.startsWith('tunnel.'));
    expect(services.sort()).toEqual(rows.map(({ id }) => `tunnel.${id}`).sort());
  });

  function chunked(path: string, body: string): Promise<Answer<Problem>> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        `${server.url}/api/v1${path}`,
        { method: 'POST', headers: { ...json, ...server.authorization } },
        (incoming) => {
          void readAll(incoming).then((text) => {
            const headers = new Headers({ 'content-type': incoming.headers['content-type'] ?? '' });
            const answer = JSON.parse(text) as Problem;
            resolve({ status: incoming.statusCode ?? 0, headers, body: answer, text });
          }, reject);
        },
      );
      // The server may answer and close before all of it was sent.
      outgoing.on('error', () => {});
      for (let i = 0; i < body.length; i += 65_536) outgoing.write(body.slice(i, i + 65_536));
      outgoing.end();
    });
  }
});

async function readAll(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
