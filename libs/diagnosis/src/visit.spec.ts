import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Application } from './application.js';
import { type Visit, visit } from './visit.js';

const BYTE_TIMEOUT_MS = 300;
const ANSWERS_AFTER_MS = 60;

const SPOKE_WRONG = { met: 'bytes', speaks: false } as const;

const OPTIONS = {
  host: '127.0.0.1',
  authority: 'nas.local:80',
  connectTimeoutMs: 1_000,
  byteTimeoutMs: BYTE_TIMEOUT_MS,
};

describe(visit.name, () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('speaks HTTP with what is declared so, and any status counts', async () => {
    const server = createHttpServer((request, response) => {
      expect(request).toMatchObject({ method: 'GET', url: '/', httpVersion: '1.1' });
      expect(request.headers).toEqual({
        host: 'nas.local:80',
        'user-agent': 'gopher-probe',
        connection: 'close',
      });
      setTimeout(() => response.writeHead(500).end(), ANSWERS_AFTER_MS);
    });
    const met = await look(server, 'http');
    expect(met).toMatchObject({ met: 'bytes', speaks: true });
    if (met.met !== 'bytes') return;
    expect(met.firstByteMs).toBeGreaterThan(ANSWERS_AFTER_MS - 2);
    expect(met.answerMs).toBeCloseTo(met.firstByteMs - met.connectMs, 6);
  });

  it('says hello to what is declared TLS, and a refusal counts', async () => {
    const names: unknown[] = [];
    const server = createTlsServer({
      SNICallback: (name, done) => {
        names.push(name);
        done(null); // it has no certificate
      },
    });
    server.on('tlsClientError', () => {});
    expect(await look(server, 'tls')).toMatchObject({ met: 'bytes', speaks: true });
    expect(names).toEqual(['nas.local']);
  });

  it('waits for what is declared to speak first, and sends it nothing', async () => {
    const got: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('data', (chunk) => got.push(chunk));
      setTimeout(() => socket.write('S'), ANSWERS_AFTER_MS);
    });
    expect(await look(server, 'banner')).toMatchObject({ met: 'bytes', speaks: true });
    expect(got).toEqual([]);
  });

  it('sends nothing to what is not declared', async () => {
    const got: Buffer[] = [];
    const server = createServer((socket) => void socket.on('data', (chunk) => got.push(chunk)));
    expect(await look(server, null)).toMatchObject({ met: 'silence' });
    expect(got).toEqual([]);
  });

  it('does not wait for bytes that it is not to await', async () => {
    const server = createServer((socket) => void socket.write('hello'));
    expect(await look(server, null, { byteTimeoutMs: 0 })).toMatchObject({ met: 'silence' });
  });

  const WRONG: [string, Application, (socket: Socket) => void, Partial<Visit>][] = [
    ['a banner', 'http', (socket) => socket.write('SSH-2.0-x\r\n'), SPOKE_WRONG],
    ['HTTP', 'tls', (socket) => socket.write('HTTP/1.1 400 Bad\r\n\r\n'), SPOKE_WRONG],
    ['the beginning of a status line', 'http', (socket) => socket.end('HTTP/1.'), SPOKE_WRONG],
    ['a kilobyte without a line', 'http', (socket) => socket.write('x'.repeat(9_999)), SPOKE_WRONG],
    ['nothing', 'http', () => {}, { met: 'silence' }],
    ['nothing', 'tls', () => {}, { met: 'silence' }],
    ['nothing', 'banner', () => {}, { met: 'silence' }],
    ['the end', 'banner', (socket) => socket.end(), { met: 'end' }],
    ['a reset', 'http', (socket) => socket.resetAndDestroy(), { met: 'end' }],
  ];

  it.each(WRONG)(
    'answers with %s where %s is declared',
    async (_, application, answer, expected) => {
      const server = createServer((socket) => {
        socket.on('error', () => {});
        answer(socket);
      });
      expect(await look(server, application)).toMatchObject(expected);
    },
  );

  it('puts a status line together that comes in pieces', async () => {
    const server = createServer((socket) => {
      socket.setNoDelay(true).write('HT');
      setTimeout(() => socket.write('TP/1.0 20'), 20);
      setTimeout(() => socket.write('4 No Content\r\n'), 40);
    });
    expect(await look(server, 'http')).toMatchObject({ met: 'bytes', speaks: true });
  });

  it('says why nobody accepted', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const met = await visit({ ...OPTIONS, port, application: 'http' });
    expect(met).toEqual({ met: 'nobody', detail: 'ECONNREFUSED' });
  });

  async function look(
    server: Server,
    application: Application | null,
    more: { byteTimeoutMs?: number } = {},
  ): Promise<Visit> {
    servers.push(server.listen(0, '127.0.0.1'));
    server.on('connection', (socket: Socket) => socket.on('error', () => {}));
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return visit({ ...OPTIONS, port, application, ...more });
  }
});
