import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { until } from '../../../test/product/until.js';
import { ProbeEvents } from '../src/probe/probe-events.js';
import { ProbeTurns } from '../src/probe/probe-turns.js';
import type { TunnelView } from '../src/tunnel/tunnel.schema.js';
import { parsePrometheus } from './prometheus-text.js';
import { TestingMachine } from './testing-machine.js';
import { type Answer, type Problem, TestingServer } from './testing-server.js';

describe('while the database is away', () => {
  let server: TestingServer;
  let machineId: string;

  beforeEach(async () => {
    server = await TestingServer.start({ GOPHER_PROBE_INTERVAL_SECONDS: '5' });
    machineId = (await server.createMachine('home')).id;
  });

  afterEach(async () => {
    await back();
    await server.stop();
  });

  const away = () => server.testingDatabase.leave();
  const back = () => server.testingDatabase.comeBack();

  function expectUnavailable({ status, headers, body, text }: Answer<Problem>): void {
    expect([status, headers.get('content-type')]).toEqual([
      503,
      expect.stringMatching(/^application\/problem\+json/),
    ]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(body).toMatchObject({ status: 503, detail: expect.stringMatching(/database/i) });
    expect(text).not.toMatch(/stack|node_modules/);
  }

  it('every call is answered 503, and all is well by itself when it is back', async () => {
    const toml = await server.serverToml();
    await away();
    const calls: [string, string, unknown?][] = [
      ['GET', '/machines'],
      ['GET', `/machines/${machineId}`],
      ['GET', `/machines/${machineId}/status`],
      ['GET', '/tunnels'],
      ['POST', '/machines', { name: 'attic' }],
      ['POST', '/tunnels', { machineId, target: '127.0.0.1:80' }],
      ['DELETE', `/machines/${machineId}`],
      ['POST', `/machines/${machineId}/join-tokens`],
    ];
    for (const [method, path, body] of calls) {
      expectUnavailable(await server.call(path, { method, ...(body ? { body } : {}) }));
    }
    expectUnavailable(await server.enrol(`${machineId}.${'x'.repeat(43)}`));
    // A token that nobody has seen yet can not be judged now: that is no 401.
    expectUnavailable(
      await server.call('/machines', { headers: { authorization: 'Bearer unknown' } }),
    );

    expect((await server.fetch('/healthz')).status).toBe(200);
    expectUnavailable(await server.fetch('/readyz'));
    expect((await server.call('/edge')).status).toBe(200);
    expect(await server.serverToml()).toBe(toml);

    await back();
    await until('it is ready', async () => (await server.fetch('/readyz')).status === 200, 5_000);
    const { items } = await server.api<{ items: { id: string }[] }>('GET', '/machines');
    expect(items.map(({ id }) => id)).toEqual([machineId]);
    const tunnel = await server.api<{ id: string }>('POST', '/tunnels', {
      machineId,
      target: '127.0.0.1:80',
    });
    await until('rathole has it', async () => (await server.serverToml()).includes(tunnel.id));
  });

  it('/metrics says so, and what it knows without', async () => {
    const token = (await readFile(join(server.stateDir, 'metrics-token'), 'utf8')).trim();
    const metrics = () =>
      server.fetch<string>('/metrics', { headers: { authorization: `Bearer ${token}` } });
    expect((await metrics()).text).toMatch(/^gopher_database_up 1$/m);
    await away();
    const { text } = await until('it is known', async () => {
      const answer = await metrics();
      expect(answer.status).toBe(200);
      return answer.text.includes('\ngopher_database_up 0\n') && answer;
    });
    const names = parsePrometheus(text).flatMap(({ samples }) => samples.map(({ name }) => name));
    expect(names).toEqual(
      expect.arrayContaining(['gopher_rathole_running', 'gopher_pushes_total']),
    );
    for (const name of names) expect(name).not.toMatch(/^gopher_(machines|tunnels|ports)/);
    expect(text).toMatch(/^gopher_collector_success\{collector="fleet"\} 0$/m);
    await back();
    await until('it is back', async () => /^gopher_machines/m.test((await metrics()).text));
  });

  it('what was under way is done whole or not at all, and can be repeated', async () => {
    const body = { machineId, target: '127.0.0.1:80' };
    const attempts = Array.from({ length: 20 }, (_, i) =>
      server.call('/tunnels', { method: 'POST', body, headers: { 'idempotency-key': `key-${i}` } }),
    );
    await Promise.race(attempts);
    await away();
    for (const answer of await Promise.all(attempts)) {
      if (answer.status !== 201) expectUnavailable(answer);
    }
    await back();
    await until('it is ready', async () => (await server.fetch('/readyz')).status === 200, 5_000);
    for (let i = 0; i < 20; i += 1) {
      const headers = { 'idempotency-key': `key-${i}` };
      expect((await server.call('/tunnels', { method: 'POST', body, headers })).status).toBe(201);
    }
    const [counted] = await server.database.query<{ tunnels: number; leases: number }[]>(
      `SELECT (SELECT count(*)::int FROM tunnel) AS tunnels,
         (SELECT count(*)::int FROM port_lease) AS leases`,
    );
    expect(counted).toEqual({ tunnels: 20, leases: 20 });
  });

  it('tunnels that are up stay so, and are probed again as soon as it is back', async () => {
    const machine = await TestingMachine.join(server, 'served');
    const held: Socket[] = [];
    let holds = false;
    const target = createServer((socket) => {
      socket.on('error', () => {});
      if (holds) held.push(socket);
      else socket.write('220 ready\r\n');
    });
    try {
      await once(target.listen(server.ports.next(), '127.0.0.1'), 'listening');
      const { port } = target.address() as AddressInfo;
      const body = { machineId: machine.id, target: `127.0.0.1:${port}`, speaks: 'banner' };
      const { id } = await server.api<{ id: string }>('POST', '/tunnels', body);
      const read = () => server.api<TunnelView>('GET', `/tunnels/${id}`);
      const untilProbedSince = (since: string | null) =>
        until('it is probed', async () => {
          const { state, probedAt, reason } = await read();
          if (state === 'failed') throw new Error(`It failed: ${reason}`);
          return state === 'active' && probedAt !== null && probedAt > (since ?? '') && probedAt;
        });
      const probedAt = await untilProbedSince(null);

      const states: string[] = [];
      server.get(ProbeEvents).changed.subscribe(({ verdict }) => states.push(verdict.state));
      holds = true;
      const [visitor] = await until('a probe is under way', () => held.length > 0 && held);
      await away();
      const turns = vi.spyOn(server.get(ProbeTurns), 'next');
      holds = false;
      visitor!.write('220 ready\r\n');
      await until('what is due could not be read, again and again', () => {
        return turns.mock.settledResults.filter(({ type }) => type === 'rejected').length >= 3;
      });
      expect((await server.fetch('/healthz')).status).toBe(200);
      await back();
      await until('it is ready', async () => (await server.fetch('/readyz')).status === 200);
      await untilProbedSince(probedAt);
      expect(states).toEqual([]);
    } finally {
      for (const socket of held) socket.destroy();
      target.close();
      await machine.stop();
    }
  });

  it('an agent is heard all the same, and its status is right soon after', async () => {
    const { id, agent } = await server.joinedMachine('with-agent');
    await away();
    agent.tell({ agentVersion: '9.9.9' });
    agent.disconnect();
    await until('the agent is asked again', () => {
      return agent.calls.filter((call) => call === 'getStatus').length > 1;
    });
    await back();
    await until('its status is known', async () => {
      const answer = await server.call<{ agent: { status: string; version: string } }>(
        `/machines/${id}/status`,
      );
      return answer.body.agent?.status === 'up' && answer.body.agent.version === '9.9.9';
    });
  });
});
