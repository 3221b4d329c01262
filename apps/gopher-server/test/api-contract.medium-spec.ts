import { until } from '../../../test/product/until.js';
import { Machine } from '@gopher/machine';
import { Reconciler } from '../src/edge/reconciler.js';
import { IdempotencyKey } from '../src/http/idempotency-key.entity.js';
import { AgentCertificates } from '../src/machine/agent-certificates.js';
import { PortLease } from '../src/tunnel/port-lease.entity.js';
import { Tunnel } from '../src/tunnel/tunnel.entity.js';
import { type Answer, TestingServer } from './testing-server.js';

interface Item {
  id: string;
  name?: string;
  version: number;
  port: number;
}

interface TunnelItem extends Item {
  target: string;
  speaks: string | null;
}

interface Page {
  items: Item[];
  nextCursor: string | null;
}

describe('the API', () => {
  let server: TestingServer;
  let machineId: string;
  let machines = 0;
  let keys = 0;

  beforeAll(async () => {
    server = await TestingServer.start();
    machineId = (await server.createMachine('home')).id;
  });

  afterAll(() => server.stop());

  const name = () => `machine-${++machines}`;
  const key = () => ({ 'idempotency-key': `key-${++keys}` });
  const tunnel = (target = '127.0.0.1:80') => ({ machineId, target });
  const post = <T = Item>(path: string, body: unknown, headers: Record<string, string> = {}) =>
    server.call<T>(path, { method: 'POST', body, headers });
  const patch = (path: string, body: unknown, ifMatch?: string) =>
    server.call<Item>(path, {
      method: 'PATCH',
      body,
      headers: ifMatch === undefined ? {} : { 'if-match': ifMatch },
    });
  const countOf = (entity: typeof Machine | typeof Tunnel | typeof PortLease) =>
    server.database.getRepository<object>(entity).count();

  function expectProblem(answer: Answer<unknown>, status: number, code: string, words: RegExp) {
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ status, type: `urn:gopher:problem:${code}` });
    expect((answer.body as { detail: string }).detail).toMatch(words);
  }

  describe('a list read page by page', () => {
    /** All pages of `path`, with `between` run before each but the first. */
    async function pages(path: string, limit: number, between: () => Promise<unknown>) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        if (seen.length > 0) await between();
        const after: string = cursor === null ? '' : `&cursor=${cursor}`;
        const page = await server.api<Page>('GET', `${path}?limit=${limit}${after}`);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null && seen.length < 200);
      return seen;
    }

    const lists: [string, () => Promise<Item>][] = [
      ['/machines', () => server.api('POST', '/machines', { name: name() })],
      ['/tunnels', () => server.api('POST', '/tunnels', tunnel())],
    ];

    it.each(lists)('of %s has every item once, although more are added', async (path, add) => {
      const before: string[] = [];
      for (let i = 0; i < 23; i += 1) before.push((await add()).id);
      const added: string[] = [];
      const seen = await pages(path, 4, async () => {
        if (added.length < 12) added.push((await add()).id, (await add()).id);
      });
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(seen.toSorted());
      for (const id of [...before, ...added]) expect(seen).toContain(id);
    });

    it.each(lists)('of %s has every item once, although some are removed', async (path, add) => {
      const made: string[] = [];
      for (let i = 0; i < 9; i += 1) made.push((await add()).id);
      const doomed = [made.at(1)!, made.at(4)!];
      const seen = await pages(path, 5, async () => {
        const id = doomed.pop();
        if (id) await server.api('DELETE', `${path}/${id}`);
      });
      expect(new Set(seen).size).toBe(seen.length);
      for (const id of made) if (id !== made[1] && id !== made[4]) expect(seen).toContain(id);
    });

    it('ends without a cursor, also when the last page is full', async () => {
      const all = await server.api<Page>('GET', '/machines?limit=200');
      const exact = await server.api<Page>('GET', `/machines?limit=${all.items.length}`);
      expect([all.nextCursor, exact.nextCursor]).toEqual([null, null]);
    });

    it('has the tunnels of one machine alone when it is asked for these', async () => {
      const { id } = await server.createMachine(name());
      const made = await server.api<Item>('POST', '/tunnels', { ...tunnel(), machineId: id });
      const page = await server.api<Page>('GET', `/tunnels?machineId=${id}`);
      expect(page.items.map((item) => item.id)).toEqual([made.id]);
    });
  });

  describe('with If-Match', () => {
    const stale = /was changed since it was read/;

    it('renames a machine only as it was read', async () => {
      const { id } = await server.createMachine(name());
      const read = await server.call<Item>(`/machines/${id}`);
      const etag = read.headers.get('etag')!;
      const [first, second] = [name(), name()];
      const changed = await patch(`/machines/${id}`, { name: first }, etag);
      expect(changed.status).toBe(200);
      expect(changed.headers.get('etag')).not.toBe(etag);
      const refused = await patch(`/machines/${id}`, { name: second }, etag);
      expectProblem(refused, 412, 'machine-changed', stale);
      expect((await server.call<Item>(`/machines/${id}`)).body.name).toBe(first);
      expect((await patch(`/machines/${id}`, { name: second }, '*')).status).toBe(200);
      expect((await patch(`/machines/${id}`, { name: name() })).status).toBe(200);
    });

    it('changes and removes a tunnel only as it was read', async () => {
      const { body, headers } = await post('/tunnels', tunnel());
      const path = `/tunnels/${body.id}`;
      const etag = headers.get('etag')!;
      const changed = await patch(path, { target: '127.0.0.1:81' }, etag);
      expect(changed.status).toBe(200);
      expectProblem(
        await patch(path, { target: '127.0.0.1:82' }, etag),
        412,
        'tunnel-changed',
        stale,
      );
      const remove = (ifMatch: string) =>
        server.call(path, { method: 'DELETE', headers: { 'if-match': ifMatch } });
      expectProblem(await remove(etag), 412, 'tunnel-changed', stale);
      expect((await server.call<{ target: string }>(path)).body.target).toBe('127.0.0.1:81');
      expect((await remove(changed.headers.get('etag')!)).status).toBe(204);
      expect((await server.call(path)).status).toBe(404);
    });

    it('lets exactly one of ten changes at once through', async () => {
      const { body, headers } = await post('/tunnels', tunnel());
      const ports = Array.from({ length: 10 }, (_, i) => 100 + i);
      const answers = await Promise.all(
        ports.map((port) =>
          patch(`/tunnels/${body.id}`, { target: `127.0.0.1:${port}` }, headers.get('etag')!),
        ),
      );
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
      expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
    });

    it.each(['abc', '1', 'W/"1"', '"1', '"x"', '"1", "2"', '"-1"', '', '"99999999999999999999"'])(
      'refuses %j, and changes nothing',
      async (ifMatch) => {
        const { body } = await post('/tunnels', tunnel());
        for (const method of ['PATCH', 'DELETE']) {
          const answer = await server.call(`/tunnels/${body.id}`, {
            method,
            headers: { 'if-match': ifMatch },
            ...(method === 'PATCH' ? { body: { target: '127.0.0.1:9' } } : {}),
          });
          expectProblem(answer, 412, 'precondition-unreadable', /^If-Match: /);
        }
        expect((await server.call<Item>(`/tunnels/${body.id}`)).body.version).toBe(1);
      },
    );
  });

  describe('with an Idempotency-Key', () => {
    it('makes one tunnel of a request that comes twice', async () => {
      const [headers, before] = [key(), await countOf(Tunnel)];
      const first = await post('/tunnels', tunnel(), headers);
      const second = await post('/tunnels', tunnel(), headers);
      expect([first.status, second.status]).toEqual([201, 201]);
      expect([second.body.id, second.body.port]).toEqual([first.body.id, first.body.port]);
      expect(await countOf(Tunnel)).toBe(before + 1);
    });

    it('makes one tunnel and one lease of a request that comes 20 times at once', async () => {
      const [headers, tunnels, leases] = [key(), await countOf(Tunnel), await countOf(PortLease)];
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => post('/tunnels', tunnel(), headers)),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
      expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
      expect([await countOf(Tunnel), await countOf(PortLease)]).toEqual([tunnels + 1, leases + 1]);
    });

    it('makes one machine of a request that comes 20 times at once', async () => {
      const [headers, before, body] = [key(), await countOf(Machine), { name: name() }];
      const answers = await Promise.all(
        Array.from({ length: 20 }, () =>
          post<Item & { join: { token: string } }>('/machines', body, headers),
        ),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
      expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
      expect(await countOf(Machine)).toBe(before + 1);
      // Whoever repeats has lost the token of the first answer, and needs one that works.
      expect((await server.enrol(answers.at(-1)!.body.join.token)).status).toBe(201);
    });

    it('refuses the same key for another request', async () => {
      const headers = key();
      await post('/tunnels', tunnel(), headers);
      const before = await countOf(Tunnel);
      const reused = /used for another request/;
      const other = await post('/tunnels', tunnel('127.0.0.1:81'), headers);
      expectProblem(other, 409, 'idempotency-key-reused', reused);
      const elsewhere = await post('/machines', { name: name() }, headers);
      expectProblem(elsewhere, 409, 'idempotency-key-reused', reused);
      expect(await countOf(Tunnel)).toBe(before);
    });

    it('takes the same request for the same whatever the order of its fields', async () => {
      const headers = key();
      const first = await post('/tunnels', tunnel(), headers);
      const turned = await post('/tunnels', { target: '127.0.0.1:80', machineId }, headers);
      expect(turned.body.id).toBe(first.body.id);
    });

    it('makes nothing more of a request whose machine or tunnel was removed since', async () => {
      const [headers, before, body] = [key(), await countOf(Machine), { name: name() }];
      const made = await post('/machines', body, headers);
      await server.api('DELETE', `/machines/${made.body.id}`);
      const removed = /was removed since/;
      expectProblem(await post('/machines', body, headers), 409, 'removed-since', removed);
      expect(await countOf(Machine)).toBe(before);
      const [others, tunnels] = [key(), await countOf(Tunnel)];
      const { body: second } = await post('/tunnels', tunnel(), others);
      await server.api('DELETE', `/tunnels/${second.id}`);
      expectProblem(await post('/tunnels', tunnel(), others), 409, 'removed-since', removed);
      expect(await countOf(Tunnel)).toBe(tunnels);
    });

    it('keeps no key of a request that failed', async () => {
      const [headers, taken] = [key(), name()];
      const { id } = await server.createMachine(taken);
      expect((await post('/machines', { name: taken }, headers)).status).toBe(409);
      const keptKeys = server.database.getRepository(IdempotencyKey);
      expect(await keptKeys.countBy({ key: headers['idempotency-key'] })).toBe(0);
      await server.api('DELETE', `/machines/${id}`);
      expect((await post('/machines', { name: taken }, headers)).status).toBe(201);
    });

    it.each(['', 'x'.repeat(201), 'caf\u00e9'])('refuses %j as a key', async (bad) => {
      const before = await countOf(Machine);
      const answer = await post('/machines', { name: name() }, { 'idempotency-key': bad });
      expectProblem(answer, 400, 'idempotency-key-invalid', /^Idempotency-Key /);
      expect(await countOf(Machine)).toBe(before);
    });

    it('knows the key after a restart of the server', async () => {
      const headers = key();
      const first = await post('/tunnels', tunnel(), headers);
      await server.restart();
      expect((await post('/tunnels', tunnel(), headers)).body.id).toBe(first.body.id);
    });
  });

  describe('what a tunnel speaks', () => {
    /** Every file of rathole, as it was written and as it was numbered. */
    const files = async () => {
      await server.get(Reconciler).settled();
      return [
        await server.serverToml(),
        await server.api('GET', `/machines/${machineId}/revisions`),
      ];
    };

    it('is declared, changed apart from its target, and taken back', async () => {
      const made = await post<TunnelItem>('/tunnels', { ...tunnel(), speaks: 'tls' });
      expect([made.status, made.body.speaks]).toEqual([201, 'tls']);
      const path = `/tunnels/${made.body.id}`;
      const http = await patch(path, { speaks: 'http' }, '"1"');
      expect(http.body).toMatchObject({ speaks: 'http', target: '127.0.0.1:80', version: 2 });
      const elsewhere = await patch(path, { target: '127.0.0.1:81' });
      expect(elsewhere.body).toMatchObject({ speaks: 'http', target: '127.0.0.1:81', version: 3 });
      const both = await patch(path, { target: '127.0.0.1:82', speaks: null });
      expect(both.body).toMatchObject({ speaks: null, target: '127.0.0.1:82', version: 4 });
      expect((await patch(path, { speaks: 'http' }, '"1"')).status).toBe(412);
      expect((await server.call<TunnelItem>(path)).body.speaks).toBeNull();
    });

    it('is not declared unless somebody does', async () => {
      expect((await post<TunnelItem>('/tunnels', tunnel())).body.speaks).toBeNull();
    });

    it('changes no file of rathole', async () => {
      const { body } = await post<TunnelItem>('/tunnels', tunnel());
      const before = await files();
      await patch(`/tunnels/${body.id}`, { speaks: 'banner' });
      expect(await files()).toEqual(before);
    });
  });

  it('takes an id in capitals for the same', async () => {
    const { id, agent } = await server.joinedMachine(name());
    await until('the agent is watched', () => agent.watchers > 0);
    const made = await post('/tunnels', { ...tunnel(), machineId: id.toUpperCase() });
    expect(made.body).toMatchObject({ machineId: id });
    const { items } = await server.api<Page>('GET', `/tunnels?machineId=${id.toUpperCase()}`);
    expect(items).toHaveLength(1);
    await server.api('DELETE', `/machines/${id.toUpperCase()}`);
    await until('nobody calls the agent any more', () => agent.watchers === 0);
    expect(server.get(AgentCertificates).allows(id, agent.presented)).toBe(false);
  });

  it('shows nothing of another edge that shares the database', async () => {
    const other = '0193a000-0000-7000-8000-00000000ed9e';
    const made = await server.api<Item>('POST', '/tunnels', tunnel());
    const { id } = await server.createMachine(name());
    await server.database.getRepository(Machine).update({ id }, { edgeId: other });
    await server.database
      .getRepository(Tunnel)
      .update({ id: made.id }, { edgeId: other, machineId: id });
    const revisions = ['', '/1', '/1/diff'].map((rest) => `/machines/${id}/revisions${rest}`);
    for (const path of [
      `/machines/${id}`,
      `/machines/${id}/status`,
      `/tunnels/${made.id}`,
      ...revisions,
    ]) {
      expect((await server.call(path)).status).toBe(404);
    }
    for (const path of [`/machines/${id}`, `/tunnels/${made.id}`]) {
      expect((await server.call(path, { method: 'DELETE' })).status).toBe(404);
    }
    for (const list of ['/machines', '/tunnels']) {
      const { items } = await server.api<Page>('GET', `${list}?limit=200`);
      expect(items.map((item) => item.id)).not.toContain(list === '/machines' ? id : made.id);
    }
    expect((await post('/tunnels', { ...tunnel(), machineId: id })).status).toBe(404);
  });
});
