import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { generatePrivateKey } from '@gopher/identity';
import { Tunnel } from '../src/tunnel/tunnel.entity.js';
import { TestingServer } from './testing-server.js';

describe('calls that come at once', () => {
  let server: TestingServer;
  let machines = 0;

  beforeAll(async () => {
    server = await TestingServer.start();
  });
  afterAll(() => server.stop());

  const machine = () => server.createMachine(`race-${++machines}`);
  const remove = (path: string) => server.call(path, { method: 'DELETE' });

  it('an enrolment and the removal of its machine end, one way or the other', async () => {
    const statuses: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const { id, join } = await machine();
      const keyPem = generatePrivateKey();
      const [enrolled, removed] = await Promise.all([
        server.enrol(join.token, { keyPem }),
        remove(`/machines/${id}`),
      ]);
      statuses.push(enrolled.status);
      expect([201, 401, 404]).toContain(enrolled.status);
      expect(removed.status).toBe(200);
    }
    expect(statuses.length).toBe(20);
  });

  it('what is made for a machine while it is removed is refused, or goes with it', async () => {
    for (let round = 0; round < 12; round += 1) {
      const { id } = await machine();
      const target = { machineId: id, target: '127.0.0.1:80' };
      const answers = await Promise.all([
        remove(`/machines/${id}`),
        server.call('/tunnels', { method: 'POST', body: target }),
        server.call(`/machines/${id}/join-tokens`, { method: 'POST' }),
        server.call(`/machines/${id}/client-config-tokens`, { method: 'POST' }),
      ]);
      for (const { status } of answers) expect([200, 201, 404]).toContain(status);
      expect(await server.database.getRepository(Tunnel).existsBy({ machineId: id })).toBe(false);
    }
  });

  it('of two machines that want one name, one is told that it is taken', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [a, b] = [await machine(), await machine()];
      const name = `wanted-${round}`;
      const answers = await Promise.all(
        [a, b].map(({ id }) => server.call(`/machines/${id}`, { method: 'PATCH', body: { name } })),
      );
      const statuses = answers.map(({ status }) => status);
      expect(statuses.toSorted((x, y) => x - y)).toEqual([200, 409]);
    }
  });

  it('without If-Match, no change is refused for another that came before', async () => {
    const { id } = await machine();
    const names = Array.from({ length: 8 }, (_, i) => `renamed-${i}`);
    const renamed = await Promise.all(
      names.map((name) => server.call(`/machines/${id}`, { method: 'PATCH', body: { name } })),
    );
    expect(renamed.map(({ status }) => status)).toEqual(names.map(() => 200));

    const body = { machineId: id, target: '127.0.0.1:80' };
    const tunnel = await server.api<{ id: string }>('POST', '/tunnels', body);
    const removed = await Promise.all([1, 2, 3].map(() => remove(`/tunnels/${tunnel.id}`)));
    const statuses = removed.map(({ status }) => status).toSorted((x, y) => x - y);
    expect(statuses).toEqual([204, 404, 404]);
  });

  describe('for a port that another program has', () => {
    let holder: Server;
    let port: number;

    beforeAll(async () => {
      holder = createServer().listen(0, '127.0.0.1');
      await once(holder, 'listening');
      ({ port } = holder.address() as { port: number });
    });
    afterAll(() => void holder.close());

    it('hold up nobody else', async () => {
      const { id } = await machine();
      const body = { machineId: id, target: '127.0.0.1:80', port };
      const waiting = Array.from({ length: 30 }, () =>
        server.call('/tunnels', { method: 'POST', body }),
      );
      const others = [];
      for (let i = 0; i < 5; i += 1) {
        others.push(await server.call('/tunnels'));
        others.push(
          await server.call('/tunnels', { method: 'POST', body: { ...body, port: undefined } }),
        );
      }
      for (const { status } of others) expect([200, 201]).toContain(status);
      for (const { status } of await Promise.all(waiting)) expect(status).toBe(409);
    });
  });
});
