import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { until } from '../../../test/product/until.js';
import { Housekeeping } from '../src/database/housekeeping.js';
import type { Page } from '../src/http/paging.js';
import type {
  RevisionDetail,
  RevisionDiff,
  RevisionSummary,
  RollbackView,
} from '../src/revision/revision.schema.js';
import type { TunnelView } from '../src/tunnel/tunnel.schema.js';
import { TestingMachine } from './testing-machine.js';
import { type Answer, TestingServer } from './testing-server.js';

describe('the revisions of a machine', () => {
  let server: TestingServer;
  let machine: TestingMachine;
  let machines = 0;
  let keys = 0;

  beforeAll(async () => {
    server = await TestingServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    machine = await TestingMachine.join(server, `machine-${++machines}`);
  });
  afterEach(() => machine.stop());

  const path = (rest = '') => `/machines/${machine.id}/revisions${rest}`;
  const detail = (number: number) => server.api<RevisionDetail>('GET', path(`/${number}`));
  const diff = (number: number, query = '') =>
    server.api<RevisionDiff>('GET', path(`/${number}/diff${query}`));
  const rollback = <T = RollbackView>(number: number, query = '', headers = {}) =>
    server.call<T>(path(`/${number}/rollback${query}`), { method: 'POST', headers });
  const tunnels = async () => {
    const { items } = await server.api<Page<TunnelView>>('GET', `/tunnels?machineId=${machine.id}`);
    return items.map(({ id, target, port }) => ({ id, target, port }));
  };
  const only = ({ id, target, port }: TunnelView) => ({ id, target, port });

  /** A tunnel that the machine has. */
  async function publish(target: string): Promise<TunnelView> {
    const before = (await machine.newest()).number;
    const tunnel = await machine.createTunnel(target);
    await machine.untilNewestIs('applied', before);
    return tunnel;
  }

  async function remove({ id }: TunnelView): Promise<RevisionSummary> {
    const before = (await machine.newest()).number;
    await server.api('DELETE', `/tunnels/${id}`);
    return machine.untilNewestIs('applied', before);
  }

  /** While `work` runs nobody gets a port; who asks for one waits in the database, in turn. */
  async function withoutLeases<T>(
    work: (untilWaiting: (calls: number) => Promise<unknown>) => Promise<T>,
  ): Promise<T> {
    return server.database.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock(hashtext('port-lease'), hashtext($1))`, [
        server.edgeId,
      ]);
      return work((calls) =>
        until(`${calls} calls wait`, async () => {
          const [found] = await server.database.query<{ waiting: number }[]>(
            `SELECT count(*)::int AS "waiting" FROM pg_stat_activity
             WHERE "datname" = current_database() AND "wait_event_type" = 'Lock'`,
          );
          return found!.waiting === calls;
        }),
      );
    });
  }

  function expectProblem(answer: Answer<unknown>, status: number, code: string, words: RegExp) {
    expect(answer.body).toMatchObject({ status, type: `urn:gopher:problem:${code}` });
    expect((answer.body as { detail: string }).detail).toMatch(words);
  }

  it('are listed newest first, page by page', async () => {
    const tunnel = await publish('127.0.0.1:1');
    for (let port = 2; port < 8; port += 1) {
      const before = (await machine.newest()).number;
      await machine.retarget(tunnel.id, `127.0.0.1:${port}`);
      await machine.untilNewestIs('applied', before);
    }
    const all = (await machine.revisions()).map(({ number }) => number);
    expect(all).toEqual(all.toSorted((a, b) => b - a));
    expect(all.length).toBe(8);
    const seen: number[] = [];
    let cursor: string | null = null;
    do {
      const after: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = await server.api<Page<RevisionSummary>>('GET', path(`?limit=3${after}`));
      seen.push(...page.items.map(({ number }) => number));
      cursor = page.nextCursor;
      if (seen.length === 3) await publish('127.0.0.1:99'); // newer ones shift nothing
    } while (cursor !== null);
    expect(seen).toEqual(all);
  });

  it('are read with fingerprints, of which a change can be told, and never with a secret', async () => {
    const tunnel = await publish('127.0.0.1:1');
    const { number } = await machine.newest();
    const { toml } = machine.agent.pushes.at(-1)!;
    const secrets = [...toml.matchAll(/^(?:token|remote_public_key) = "(.+)"$/gm)].map(
      ([, secret]) => secret!,
    );
    expect(secrets.length).toBe(3);
    const answers = await Promise.all([
      server.call(path()),
      server.call(path(`/${number}`)),
      server.call(path(`/${number}/diff`)),
      server.call(path(`/${number}/diff?from=${number}`)),
      rollback<object>(number - 1, '?dryRun=true'),
      server.call(`/machines/${machine.id}/status`),
    ]);
    for (const { status, text } of answers) {
      expect(status).toBeLessThan(300);
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
    const { content, tunnels } = await detail(number);
    for (const secret of secrets) {
      const print = createHash('sha256').update(secret).digest('hex').slice(0, 8);
      expect(content).toContain(`= "sha256:${print}"`);
    }
    expect(tunnels).toEqual([
      {
        id: tunnel.id,
        protocol: 'tcp',
        target: '127.0.0.1:1',
        bindAddress: '127.0.0.1',
        port: tunnel.port,
      },
    ]);
    const [sealed] = await server.database.query<{ content_sealed: string }[]>(
      `SELECT content_sealed FROM machine_revision WHERE machine_id = $1 AND number = $2`,
      [machine.id, number],
    );
    expect(Buffer.from(sealed!.content_sealed, 'base64').toString('latin1')).not.toContain('token');
  });

  it('show what differs, by service and as text', async () => {
    const first = await machine.newest();
    const [kept, gone] = [await publish('127.0.0.1:1'), await publish('127.0.0.1:2')];
    await remove(gone);
    const before = (await machine.newest()).number;
    await machine.retarget(kept.id, '127.0.0.1:3');
    const last = await machine.untilNewestIs('applied', before);

    const step = await diff(last.number);
    expect(step).toMatchObject({
      from: last.number - 1,
      to: last.number,
      class: 'services',
      services: [
        {
          tunnelId: kept.id,
          name: `tunnel.${kept.id}`,
          change: 'changed',
          before: { type: 'tcp', target: '127.0.0.1:1', token: expect.stringMatching(/^sha256:/) },
          after: { target: '127.0.0.1:3' },
        },
      ],
    });
    expect(step.text.split('\n')).toEqual([
      `--- revision ${last.number - 1}`,
      `+++ revision ${last.number}`,
      expect.stringMatching(/^@@ -\d+,4 \+\d+,4 @@$/),
      ` [client.services."tunnel.${kept.id}"]`,
      ' type = "tcp"',
      expect.stringMatching(/^ token = "sha256:[0-9a-f]{8}"$/),
      '-local_addr = "127.0.0.1:1"',
      '+local_addr = "127.0.0.1:3"',
      '',
    ]);
    const removal = await diff(last.number - 1);
    expect(removal.services).toMatchObject([{ tunnelId: gone.id, change: 'removed', after: null }]);
    const whole = await diff(last.number, `?from=${first.number}`);
    expect(whole.services).toMatchObject([{ tunnelId: kept.id, change: 'added', before: null }]);
    expect(await diff(first.number)).toMatchObject({ from: null, class: 'transport' });
    expect((await diff(last.number, `?from=${last.number}`)).text).toBe('');
  });

  it('that are not there, or of no machine, are 404', async () => {
    for (const rest of ['/99', '/99/diff', '/1/diff?from=99']) {
      expectProblem(await server.call(path(rest)), 404, 'revision-not-found', /no revision 99/);
    }
    expectProblem(await rollback(99), 404, 'revision-not-found', /no revision 99/);
    const none = '0193a000-0000-7000-8000-000000000000';
    for (const rest of ['', '/1', '/1/diff']) {
      const answer = await server.call(`/machines/${none}/revisions${rest}`);
      expectProblem(answer, 404, 'machine-not-found', /No machine/);
    }
    for (const rest of ['/0', '/x', '/1.5', '/9999999999', '/1/diff?from=x', '?cursor=x']) {
      expect((await server.call(path(rest))).status).toBe(400);
    }
    expect((await rollback(1, '?dryRun=perhaps')).status).toBe(400);
    for (const query of ['', '?dryRun=true']) {
      const answer = await rollback(1, query, { 'idempotency-key': 'x'.repeat(201) });
      expectProblem(answer, 400, 'idempotency-key-invalid', /^Idempotency-Key /);
    }
  });

  describe('are rolled back', () => {
    it('with targets, missing tunnels under their old ids and ports, and new ones removed', async () => {
      const [kept, gone] = [await publish('127.0.0.1:1'), await publish('127.0.0.1:2')];
      const good = await machine.newest();
      const before = await tunnels();
      await remove(gone);
      const other = await publish('127.0.0.1:3');
      const at = (await machine.newest()).number;
      await machine.retarget(kept.id, '127.0.0.1:4');
      await machine.untilNewestIs('applied', at);
      const now = await tunnels();

      const planned = await rollback(good.number, '?dryRun=true');
      expect(planned.status).toBe(202);
      expect(planned.body).toMatchObject({ dryRun: true, number: null, class: 'services' });
      const changes = planned.body.services.map(({ tunnelId, change }) => `${tunnelId} ${change}`);
      expect(changes.toSorted()).toEqual(
        [`${kept.id} changed`, `${gone.id} added`, `${other.id} removed`].toSorted(),
      );
      expect(await tunnels()).toEqual(now);

      const done = await rollback(good.number);
      expect(done.status).toBe(202);
      expect(done.body.services).toEqual(planned.body.services);
      expect(await tunnels()).toEqual(before);
      const applied = await machine.untilNewestIs('applied', at + 1);
      expect(applied).toMatchObject({
        number: done.body.number,
        cause: `rollback of ${good.number}`,
        sha256: good.sha256,
      });
      expect((await diff(applied.number, `?from=${good.number}`)).text).toBe('');
    });

    it('onto a port that another tunnel of the machine gives back by it', async () => {
      const gone = await publish('127.0.0.1:1');
      const good = await machine.newest();
      await remove(gone);
      const before = (await machine.newest()).number;
      const body = { machineId: machine.id, target: '127.0.0.1:2', port: gone.port };
      const heir = await server.api<TunnelView>('POST', '/tunnels', body);
      await machine.untilNewestIs('applied', before);
      expect((await rollback(good.number)).status).toBe(202);
      expect(await tunnels()).toEqual([only(gone)]);
      await machine.untilNewestIs('applied', before + 1);
      expect(heir.id).not.toBe(gone.id);
    });

    it('whole or not at all: a port that somebody else has is named, with its holder', async () => {
      const [gone, free] = [await publish('127.0.0.1:1'), await publish('127.0.0.1:2')];
      const good = await machine.newest();
      await remove(gone);
      await remove(free);
      const other = await server.createMachine(`other-${machines}`);
      const body = { machineId: other.id, target: '127.0.0.1:80', port: free.port };
      const holder = await server.api<TunnelView>('POST', '/tunnels', body);
      const newest = await machine.newest();
      for (const query of ['', '?dryRun=true']) {
        const answer = await rollback(good.number, query);
        const words = new RegExp(`tunnel ${free.id} needs tcp port ${free.port}.*${holder.id}`);
        expectProblem(answer, 409, 'rollback-blocked', words);
      }
      expect(await tunnels()).toEqual([]);
      expect(await machine.newest()).toEqual(newest);

      await server.api('DELETE', `/tunnels/${holder.id}`);
      const program = createServer().listen(gone.port, '127.0.0.1');
      await once(program, 'listening');
      const blocked = await rollback(good.number);
      expectProblem(blocked, 409, 'rollback-blocked', /another program on the edge/);
      program.close();
      await once(program, 'close');
      expect((await rollback(good.number)).status).toBe(202);
      expect(await tunnels()).toEqual([only(gone), only(free)]);
    });

    it('once for an Idempotency-Key, and not when there is nothing to bring back', async () => {
      const good = await machine.newest();
      await publish('127.0.0.1:1');
      const headers = { 'idempotency-key': `rollback-${++keys}` };
      const [first, second] = [
        await rollback(good.number, '', headers),
        await rollback(good.number, '', headers),
      ];
      expect([first.status, second.status]).toEqual([202, 202]);
      expect(second.body).toEqual(first.body);
      await machine.untilInSync();
      const needless = await rollback(good.number);
      expectProblem(needless, 409, 'rollback-needless', /nothing to bring back/);
      const reused = await rollback(good.number + 1, '', headers);
      expectProblem(reused, 409, 'idempotency-key-reused', /another request/);
    });

    it('by two at once, one after the other', async () => {
      const gone = await publish('127.0.0.1:1');
      const good = await machine.newest();
      await remove(gone);
      const answers = await Promise.all([1, 2, 3].map(() => rollback(good.number)));
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
      expect(statuses).toEqual([202, 409, 409]);
      expect(await tunnels()).toEqual([only(gone)]);
      await machine.untilInSync();
    });

    it('with all that was made before, when another call makes a tunnel meanwhile', async () => {
      const gone = await publish('127.0.0.1:1');
      const good = await machine.newest();
      await remove(gone);
      const before = (await machine.newest()).number;
      const body = { machineId: machine.id, target: '127.0.0.1:2' };
      const [made, done] = await withoutLeases(async (untilWaiting) => {
        const making = server.call<TunnelView>('/tunnels', { method: 'POST', body });
        await untilWaiting(1);
        const rollingBack = rollback(good.number);
        await untilWaiting(2);
        return { making, rollingBack };
      }).then(({ making, rollingBack }) => Promise.all([making, rollingBack]));
      expect([made.status, done.status]).toEqual([201, 202]);
      const changes = done.body.services.map(({ tunnelId, change }) => `${tunnelId} ${change}`);
      expect(changes.toSorted()).toEqual(
        [`${gone.id} added`, `${made.body.id} removed`].toSorted(),
      );
      expect(await tunnels()).toEqual([only(gone)]);
      expect((await diff(done.body.number!, `?from=${good.number}`)).text).toBe('');
      await machine.untilNewestIs('applied', before);
    });

    it('not when they are from before revisions were kept', async () => {
      await publish('127.0.0.1:1');
      await server.database.query(
        `UPDATE machine_revision SET content_sealed = NULL, tunnels = NULL
         WHERE machine_id = $1 AND number = 1`,
        [machine.id],
      );
      expectProblem(await rollback(1), 409, 'revision-not-kept', /Choose a newer one/);
      expectProblem(await server.call(path('/2/diff')), 409, 'revision-not-kept', /revision 1/);
      expect((await detail(1)).content).toBeNull();
    });
  });

  it('are kept, the newest 100 and the one in force', async () => {
    const { number } = await machine.newest();
    await server.database.query(
      `INSERT INTO machine_revision (id, machine_id, number, sha256, class, cause, outcome)
       SELECT gen_random_uuid(), $1, $2 + n, 'ab', 'services', 'test', 'reverted'
       FROM generate_series(1, 150) n`,
      [machine.id, number],
    );
    await server.get(Housekeeping).run();
    const kept = (await machine.revisions()).map((row) => row.number);
    expect(kept.length).toBe(101);
    expect(kept.at(-1)).toBe(number);
    expect(kept.at(-2)).toBe(number + 51);
  });

  it('have a tunnel for what was found on the machine, when someone wants it', async () => {
    const found = {
      foundAt: new Date(),
      keptAs: '/var/lib/gopher/found.toml',
      lines: ['[client.services.nas]', 'local_addr = "192.168.1.5:445"'],
      services: [
        { name: 'nas', type: 'tcp', localAddr: '192.168.1.5:445' },
        { name: 'a/b c', type: 'udp', localAddr: '192.168.1.5:53' },
        { name: 'broken', type: 'tcp', localAddr: 'nowhere\n' },
      ],
    };
    machine.agent.tell({ found });
    await until('it is told', async () => {
      const { rathole } = await machine.status();
      return rathole?.found?.services.length === 3 && rathole.found.keptAs === found.keptAs;
    });
    const adopt = (name: string, headers = {}) =>
      server.call<TunnelView>(`/machines/${machine.id}/found/${encodeURIComponent(name)}/tunnel`, {
        method: 'POST',
        headers,
      });
    const headers = { 'idempotency-key': `found-${++keys}` };
    const [first, again] = [await adopt('nas', headers), await adopt('nas', headers)];
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(first.body).toMatchObject({ protocol: 'tcp', target: '192.168.1.5:445' });
    expect(again.body.id).toBe(first.body.id);
    expect((await adopt('a/b c')).body).toMatchObject({ protocol: 'udp' });
    expectProblem(await adopt('other'), 404, 'found-service-not-found', /does not report/);
    expectProblem(await adopt('broken'), 409, 'found-service-unusable', /no host:port/);
  });
});

describe('a machine without an agent', () => {
  let server: TestingServer;

  beforeAll(async () => {
    server = await TestingServer.start();
  });
  afterAll(() => server.stop());

  it('has what waits to be fetched, and never pretends to have it', async () => {
    const { id } = await server.createMachine('bare');
    const revision = async () => {
      const status = await server.api<{ revision: object | null }>('GET', `/machines/${id}/status`);
      return status.revision;
    };
    const rows = async () => {
      const page = await server.api<Page<RevisionSummary>>('GET', `/machines/${id}/revisions`);
      return page.items;
    };
    const fetchIt = async () => {
      const { token } = await server.api<{ token: string }>(
        'POST',
        `/machines/${id}/client-config-tokens`,
      );
      const headers = { authorization: `Bearer ${token}` };
      const answer = await server.fetch<string>(`/api/v1/machines/${id}/client.toml`, { headers });
      expect(answer.status).toBe(200);
    };
    const untilRevision = (expected: object) =>
      until('its revision is so', async () => {
        expect(await revision()).toMatchObject(expected);
        return true;
      });
    const tunnel = await server.api<TunnelView>('POST', '/tunnels', {
      machineId: id,
      target: '192.168.1.5:80',
    });
    const added = `tunnel ${tunnel.id}: added, 192.168.1.5:80`;
    await untilRevision({
      state: 'waits-to-be-fetched',
      wanted: { number: null },
      differences: [added],
      reason: 'It was never fetched',
    });
    expect(await rows()).toEqual([]);

    await fetchIt();
    const reason = 'fetched; without an agent it is not known whether it runs';
    expect(await rows()).toMatchObject([{ number: 1, outcome: 'pending', reason }]);
    await untilRevision({ state: 'in-sync', wanted: { number: 1 }, differences: [] });
    expect((await revision()) as { reason: string }).toMatchObject({
      reason: expect.stringContaining('not known whether it runs'),
    });
    await fetchIt();
    expect((await rows()).length).toBe(1);

    await server.api('PATCH', `/tunnels/${tunnel.id}`, { target: '192.168.1.5:81' });
    const changed = `tunnel ${tunnel.id}: changed, 192.168.1.5:80 → 192.168.1.5:81`;
    const waits = {
      state: 'waits-to-be-fetched',
      differences: [changed],
      reason: 'Revision 1 was fetched last',
    };
    await untilRevision(waits);
    await server.restart();
    await untilRevision(waits);

    const back = await server.call<RollbackView>(`/machines/${id}/revisions/1/rollback`, {
      method: 'POST',
    });
    expect([back.status, back.body.number]).toEqual([202, 1]);
    await untilRevision({ state: 'in-sync', wanted: { number: 1 } });
    await server.api('PATCH', `/tunnels/${tunnel.id}`, { target: '192.168.1.5:82' });
    await fetchIt();
    expect(await rows()).toMatchObject([{ number: 2, cause: `tunnel ${tunnel.id} changed` }, {}]);
  });
});
