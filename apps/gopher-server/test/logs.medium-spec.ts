import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { EdgeEvents } from '../src/event/edge-events.js';
import { LogFeed } from '../src/log/log-feed.js';
import type { EdgeLogPage } from '../src/log/log.schema.js';
import { until } from '../../../test/product/until.js';
import { TestingServer } from './testing-server.js';

const NOBODY = '0193a000-0000-7000-8000-000000000001';

describe('the API of logs', () => {
  let server: TestingServer;
  let withAgent: string;
  let without: string;

  beforeAll(async () => {
    server = await TestingServer.start();
    withAgent = (await server.joinedMachine('attic')).id;
    without = (await server.createMachine('bare')).id;
  });
  afterAll(() => server.stop());

  const ways = ['', '/follow', '/download'];

  describe.each(ways)('%s', (way) => {
    it.each([
      ['source=nobody', 'source'],
      ['source=server', 'source'],
      ['source=', 'source'],
      ['tail=10001', 'tail'],
      ['tail=-1', 'tail'],
      ['tail=1.5', 'tail'],
      ['tail=many', 'tail'],
      ['tail=', 'tail'],
      ['tail=1&tail=2', 'tail'],
      ['since=yesterday', 'since'],
      ['since=2026-01-01', 'since'],
      ['since=2026-13-01T00:00:00Z', 'since'],
      ['since=', 'since'],
      ['level=loud', 'level'],
      ['level=INFO', 'level'],
      [`contains=${'x'.repeat(201)}`, 'contains'],
      ['contains=a&contains=b', 'contains'],
      ['follow=true', 'query'],
    ])('refuses %s', async (query, field) => {
      const answer = await server.call(`/machines/${withAgent}/logs${way}?${query}`);
      expect([answer.status, answer.body.type]).toEqual([
        400,
        'urn:gopher:problem:invalid-request',
      ]);
      expect(answer.body.errors?.map(({ path }) => path)).toEqual([field]);
    });

    it.each(['source=agent', 'source=data'])('has no %s at the edge', async (query) => {
      const { status } = await server.call(`/edge/logs${way}?${query}`);
      expect(status).toBe(400);
    });

    it('knows no machine that is not there', async () => {
      const { status, body } = await server.call(`/machines/${NOBODY}/logs${way}`);
      expect([status, body.type]).toEqual([404, 'urn:gopher:problem:machine-not-found']);
      expect((await server.call(`/machines/attic/logs${way}`)).status).toBe(400);
    });

    it('says that a machine has no agent', async () => {
      const { status, body } = await server.call(`/machines/${without}/logs${way}`);
      expect([status, body.type]).toEqual([409, 'urn:gopher:problem:no-agent']);
    });

    it('says that an agent is too old', async () => {
      const { status, body } = await server.call(`/machines/${withAgent}/logs${way}`);
      expect([status, body.type]).toEqual([409, 'urn:gopher:problem:agent-outdated']);
      expect(body.detail).toContain('update it');
    });

    it('is closed to those without the token', async () => {
      expect((await server.fetch(`/api/v1/edge/logs${way}`)).status).toBe(401);
    });
  });

  it('says that an agent does not answer', async () => {
    const { id, agent } = await server.joinedMachine('cellar');
    agent.close();
    for (const way of ways) {
      const answer = await server.call(`/machines/${id}/logs${way}`);
      expect([answer.status, answer.body.type]).toEqual([
        502,
        'urn:gopher:problem:agent-unreachable',
      ]);
    }
  });

  /** The server under test is no process of its own: what it logs is this test's output. */
  it('shows of the edge what is in files', async () => {
    const { status, body } = await server.call<EdgeLogPage>('/edge/logs?source=rathole&tail=5');
    expect(status).toBe(200);
    expect(body.entries.length).toBeGreaterThan(0);
    expect(body.entries.every(({ source, at }) => source === 'rathole' && at !== null)).toBe(true);
    const filtered = await server.call<EdgeLogPage>('/edge/logs?source=rathole&contains=LISTENING');
    expect(filtered.body.entries.map(({ text }) => text)).toEqual([
      expect.stringContaining('Listening at'),
    ]);
    const future = '/edge/logs?source=rathole&since=2999-01-01T00:00:00%2B02:00';
    expect((await server.call<EdgeLogPage>(future)).body.entries).toEqual([]);
  });

  describe('a reader of the edge who never took all that he asked for', () => {
    /** More than the edge lets in at once. */
    const READERS = 33;
    const ask = async (method: string, way: string): Promise<IncomingMessage> => {
      const url = `${server.url}/api/v1/edge/logs${way}?source=rathole&tail=10000`;
      const asked = request(url, { method, headers: server.authorization, agent: false }).end();
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      return answer;
    };

    beforeAll(() => {
      const line = `${new Date().toISOString()}  INFO rathole: ${'x'.repeat(500)}\n`;
      appendFileSync(join(server.stateDir, 'run', 'rathole-server.log'), line.repeat(10_000));
    });

    it.each(['/follow', '/download'])('has no place any more: HEAD of %s', async (way) => {
      for (let i = 0; i < READERS; i += 1) {
        const answer = await ask('HEAD', way);
        answer.destroy();
        expect(answer.statusCode).toBe(200);
      }
    });

    it.each(['/follow', '/download'])('has no place any more: a part of %s', async (way) => {
      for (let i = 0; i < READERS; i += 1) {
        const answer = await until('a place', async () => {
          const given = await ask('GET', way);
          expect(given.statusCode).toBe(200);
          return given;
        });
        await once(answer, 'readable');
        answer.destroy();
      }
    });
  });

  it('publishes what is logged while somebody reads it among the events, 200 a second', async () => {
    const told = vi.spyOn(server.get(EdgeEvents), 'publish');
    const close = server.get(LogFeed).open('edge');
    const log = join(server.stateDir, 'run', 'rathole-server.log');
    const now = new Date().toISOString();
    const burst = Array.from({ length: 450 }, (_, i) => `${now}  INFO rathole: event ${i}\n`).join(
      '',
    );
    const of = (type: string) =>
      told.mock.calls.filter(([topic, , is]) => topic === 'logs' && is === type);
    // It follows a moment after it was opened.
    await until('it follows', () => {
      appendFileSync(log, `${now}  INFO rathole: is anybody there\n`);
      return of('log').length > 0;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    told.mockClear();
    appendFileSync(log, burst);
    const dropped = () =>
      of('log-dropped').reduce((sum, [, , , data]) => sum + (data as { count: number }).count, 0);
    await until('all of them', () => of('log').length + dropped() >= 450);
    expect([of('log').length, dropped()]).toEqual([200, 250]);
    expect(of('log').at(-1)).toEqual([
      'logs',
      'edge',
      'log',
      { at: now, source: 'rathole', level: 'info', text: 'rathole: event 449', cut: false },
    ]);
    close();
    told.mockClear();
    appendFileSync(log, burst);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(of('log')).toEqual([]);
    told.mockRestore();
  });
});
