import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { status } from '@grpc/grpc-js';
import { Application, type CheckTargetsResponse, type TargetExpectation } from '@gopher/proto';
import { freePort } from '../../../test/product/free-port.js';
import { until } from '../../../test/product/until.js';
import { PushFixture } from './push-fixture.js';

const ANSWERS_AFTER_MS = 80;

/** A real agent. */
describe('the check of targets', () => {
  let fixture: PushFixture;
  const servers: Server[] = [];
  let plainPort: number;
  const received: Record<string, string> = {};

  beforeAll(async () => {
    fixture = await PushFixture.open();
    const { edge } = fixture.machine;
    const late = (work: () => void) => void setTimeout(work, ANSWERS_AFTER_MS);
    const targets: Record<string, Server> = {
      http: createHttpServer((_, response) => late(() => response.writeHead(404).end())),
      banner: createServer((socket) => late(() => socket.write('220 ready\r\n'))),
      silent: createServer(),
    };
    for (const [name, server] of Object.entries(targets)) {
      server.on('connection', (socket: NodeJS.ReadableStream) => {
        socket.on('error', () => {});
        if (name === 'silent')
          socket.on('data', (chunk) => (received[name] = `${received[name] ?? ''}${chunk}`));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      servers.push(server);
      const { port } = server.address() as AddressInfo;
      edge.tunnels.push(edge.tunnel(name, `127.0.0.1:${port}`, 1));
    }
    plainPort = await freePort();
    edge.tunnels.push(edge.tunnel('plain', `127.0.0.1:${plainPort}`, 1));
    edge.tunnels.push(edge.tunnel('dead', '127.0.0.1:1', 1));
    await fixture.push(fixture.toml('web', 'http', 'banner', 'silent', 'plain', 'dead'), 0);
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await fixture[Symbol.asyncDispose]();
  });

  const check = async (targets: TargetExpectation[]) => {
    const answer = await fixture.caller.call<CheckTargetsResponse>('checkTargets', { targets });
    return Object.fromEntries(answer.targets.map((target) => [target.service, target]));
  };
  const of = (service: string, application: Application) => ({ service, application });

  it('says how long a target took to accept and to speak, if that is declared', async () => {
    const found = await check([
      of('http', Application.HTTP),
      of('banner', Application.BANNER),
      of('web', Application.UNSPECIFIED),
    ]);
    for (const name of ['http', 'banner']) {
      expect(found[name]).toMatchObject({ accepts: true, speaks: true, detail: '' });
      const { connectMs, firstByteMs } = found[name]!;
      expect(connectMs).toBeGreaterThan(0);
      expect(connectMs).toBeLessThan(ANSWERS_AFTER_MS);
      // The service may have seen the connection up to a round trip before the agent, which counts
      // another one off.
      expect(firstByteMs! + 2 * connectMs).toBeGreaterThan(ANSWERS_AFTER_MS - 2);
    }
    expect(found.web).toMatchObject({ accepts: true, detail: '' });
    expect(found.web!.speaks).toBeUndefined();
    expect(found.web!.firstByteMs).toBeUndefined();
  });

  it('tells silence, another application and nobody apart', async () => {
    const found = await check([
      of('silent', Application.BANNER),
      of('banner', Application.TLS),
      of('dead', Application.HTTP),
    ]);
    expect(found.silent).toMatchObject({
      accepts: true,
      speaks: false,
      detail: expect.stringMatching(/^it accepts, and says nothing for 1000 ms after a connection/),
    });
    expect(found.banner).toMatchObject({
      accepts: true,
      speaks: false,
      detail: 'it answers a TLS hello with something else',
    });
    expect(found.dead).toMatchObject({ accepts: false, detail: 'nothing listens there' });
    expect(found.dead!.speaks).toBeUndefined();
  });

  it('sends no byte to what is not declared, or declared as something that it does not know', async () => {
    await check([of('silent', Application.UNSPECIFIED)]);
    await check([of('silent', 77 as Application)]);
    expect(received.silent).toBeUndefined();
  });

  it('connects once to what is not declared and of this machine, while the same listens there', async () => {
    const accepted = { accepts: true, detail: '', connectMs: 0 };
    const undeclared = () => check([of('plain', Application.UNSPECIFIED)]);
    let connections = 0;
    const plain = () => createServer(() => (connections += 1));
    let service = plain().listen(plainPort);
    await once(service, 'listening');
    expect((await undeclared()).plain!.connectMs).toBeGreaterThan(0);
    await until('it was met', () => connections === 1);
    for (let i = 0; i < 5; i++) expect((await undeclared()).plain).toMatchObject(accepted);
    expect(connections).toBe(1);

    service.close();
    await once(service, 'close');
    const gone = { accepts: false, detail: 'nothing listens there' };
    expect((await undeclared()).plain).toMatchObject(gone);
    service = plain().listen(plainPort);
    await once(service, 'listening');
    expect((await undeclared()).plain!.connectMs).toBeGreaterThan(0);
    expect((await undeclared()).plain).toMatchObject(accepted);
    await until('it was met', () => connections === 2);
    service.close();
  });

  it('answers nothing of a service that is not in its configuration', async () => {
    expect(await check([of('more', Application.HTTP), of('x', Application.UNSPECIFIED)])).toEqual(
      {},
    );
  });

  it('refuses more than a thousand, and a service without a name', async () => {
    const invalid = { code: status.INVALID_ARGUMENT };
    const many = Array.from({ length: 1_001 }, (_, i) => of(`s${i}`, Application.UNSPECIFIED));
    await expect(check(many)).rejects.toMatchObject(invalid);
    await expect(check([of('', Application.HTTP)])).rejects.toMatchObject(invalid);
  });
});
