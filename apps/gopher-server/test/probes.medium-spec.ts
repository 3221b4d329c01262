import { v7 as uuidv7 } from 'uuid';
import type { EdgeId } from '@gopher/machine';
import type { ServerConfig } from '../src/config/server.config.js';
import type { Probe } from '../src/probe/probe.js';
import type { TunnelProbesView } from '../src/probe/probe.schema.js';
import { ProbeStore } from '../src/probe/probe-store.js';
import { ProbeTurns } from '../src/probe/probe-turns.js';
import { TunnelProbe } from '../src/probe/tunnel-probe.entity.js';
import { TunnelStates } from '../src/probe/tunnel-states.js';
import { Tunnel } from '../src/tunnel/tunnel.entity.js';
import { TestingServer } from './testing-server.js';

const MINUTE_MS = 60_000;
const INTERVAL_MS = 30_000;

describe('probes', () => {
  let server: TestingServer;
  let machineId: string;

  beforeAll(async () => {
    // What the server itself would probe does not come in between.
    server = await TestingServer.start({ GOPHER_PROBE_INTERVAL_SECONDS: '3600' });
    machineId = (await server.createMachine('home')).id;
  });
  afterAll(() => server.stop());

  const tunnels = () => server.database.getRepository(Tunnel);
  const stored = () => server.database.getRepository(TunnelProbe);

  const activeTunnel = async (probedAt: Date | null = new Date(), edgeId = server.edgeId) => {
    const id = uuidv7();
    await tunnels().insert({
      id,
      edgeId,
      machineId,
      protocol: 'tcp',
      target: '127.0.0.1:80',
      bindAddress: '127.0.0.1',
      port: 1,
      tokenSealed: '',
      state: 'active',
      proof: 'accepted',
      probedAt,
    });
    return tunnels().findOneByOrFail({ id });
  };

  const probe = (tunnel: Tunnel, changes: Partial<Probe> = {}): Probe => ({
    tunnelId: tunnel.id,
    machineId,
    version: tunnel.version,
    at: new Date(),
    result: { outcome: 'passed', proof: 'bytes' },
    legs: { edgeToMachineMs: null, machineToTargetMs: null, firstByteMs: null },
    totalMs: null,
    ...changes,
  });

  const view = (id: string, query = '') =>
    server.call<TunnelProbesView>(`/tunnels/${id}/probes${query}`);

  describe('on the API', () => {
    it('are summed up over the last hour, leg by leg, the newest first', async () => {
      const tunnel = await activeTunnel();
      const now = Date.now();
      const probes = Array.from({ length: 100 }, (_, i): Probe => {
        const at = new Date(now - (i + 1) * 30_000);
        const failed = { outcome: 'failed', leg: 'machine→target', reason: 'gone' } as const;
        if (i % 10 === 3) return probe(tunnel, { at, result: failed });
        const legs = { edgeToMachineMs: i + 1, machineToTargetMs: null, firstByteMs: 0.5 };
        return probe(tunnel, { at, legs, totalMs: 2 * (i + 1) });
      });
      await server.get(ProbeStore).add(probes);
      const { body } = await view(tunnel.id, '?limit=4');
      expect(body.lastHour).toMatchObject({ probes: 100, failed: 10, unverified: 0, loss: 0.1 });
      // 90 measured: 1, 2, 3, 5 … 100 without each that ends with a 4; 95 of 100 are 86 of these.
      const { edgeToMachineMs, machineToTargetMs, firstByteMs, totalMs } = body.lastHour;
      expect(edgeToMachineMs).toEqual({
        last: 1,
        min: 1,
        max: 100,
        avg: expect.closeTo(50.667, 3),
        p95: 96,
      });
      expect(totalMs).toMatchObject({ last: 2, p95: 192 });
      expect(firstByteMs).toMatchObject({ min: 0.5, max: 0.5 });
      expect(machineToTargetMs).toBeNull();
      expect(body.recent).toHaveLength(4);
      expect(body.last).toEqual(body.recent[0]);
      expect(body.recent.map(({ outcome }) => outcome)).toEqual([
        'passed',
        'passed',
        'passed',
        'failed',
      ]);
      expect(body.recent[3]).toMatchObject({ leg: 'machine→target', reason: 'gone', proof: null });
    });

    it('are none of a tunnel that was not probed, and 404 of one that there is not', async () => {
      const { id } = await activeTunnel();
      expect((await view(id)).body).toMatchObject({
        last: null,
        lastHour: { probes: 0, loss: null, totalMs: null },
        recent: [],
      });
      expect((await view(uuidv7())).status).toBe(404);
      expect((await view('home')).status).toBe(400);
      const elsewhere = await activeTunnel(new Date(), uuidv7());
      expect((await view(elsewhere.id)).status).toBe(404);
    });

    it.each(['limit=0', 'limit=721', 'limit=x', 'limit=1.5', 'from=1'])(
      'refuse %s',
      async (query) => {
        const { id } = await activeTunnel();
        const { status, body } = await server.call(`/tunnels/${id}/probes?${query}`);
        expect(status).toBe(400);
        expect(body).toHaveProperty('type', 'urn:gopher:problem:invalid-request');
      },
    );

    it('leave out what was before the tunnel was changed', async () => {
      const tunnel = await activeTunnel();
      await server.get(ProbeStore).add([probe(tunnel)]);
      expect((await view(tunnel.id)).body.lastHour.probes).toBe(1);
      await server.api('PATCH', `/tunnels/${tunnel.id}`, { speaks: 'http' });
      expect((await view(tunnel.id)).body.lastHour.probes).toBe(0);
    });
  });

  describe('are stored', () => {
    it('unless their tunnel is another one by now, or gone', async () => {
      const [changed, gone, there] = [
        await activeTunnel(),
        await activeTunnel(),
        await activeTunnel(),
      ];
      await tunnels().update({ id: changed.id }, { version: 2 });
      await tunnels().delete({ id: gone.id });
      await server.get(ProbeStore).add([changed, gone, there].map((tunnel) => probe(tunnel)));
      const found = await stored().find();
      const ids = found.map(({ tunnelId }) => tunnelId);
      expect(ids).toContain(there.id);
      expect(ids).not.toContain(changed.id);
      expect(ids).not.toContain(gone.id);
    });

    it('for an hour, and no longer than their tunnel', async () => {
      const tunnel = await activeTunnel();
      const now = Date.now();
      const ages = [0, 59, 61, 200, -61].map((minutes) => new Date(now - minutes * MINUTE_MS));
      await server.get(ProbeStore).add(ages.map((at) => probe(tunnel, { at })));
      await server.get(ProbeStore).purge();
      const left = await stored().findBy({ tunnelId: tunnel.id });
      expect(left.map(({ at }) => at).toSorted((a, b) => Number(b) - Number(a))).toEqual(
        ages.slice(0, 2),
      );
      await tunnels().delete({ id: tunnel.id });
      expect(await stored().countBy({ tunnelId: tunnel.id })).toBe(0);
    });

    it('a thousand at once within a second, whatever their reasons', async () => {
      const tunnel = await activeTunnel();
      const reason = `"'\\ü\0 ${'x'.repeat(2_000)}`.replace('\0', '');
      const now = Date.now();
      const probes = Array.from({ length: 1_000 }, (_, i) =>
        probe(tunnel, { at: new Date(now - i), result: { outcome: 'unverified', reason } }),
      );
      const begun = performance.now();
      await server.get(ProbeStore).add(probes);
      expect(performance.now() - begun).toBeLessThan(1_000);
      const [one] = await stored().findBy({ tunnelId: tunnel.id });
      expect(one!.reason).toBe(reason.slice(0, 500));
    });
  });

  describe(TunnelStates.name, () => {
    it('keeps what tunnels rest on, of those that are active and unchanged', async () => {
      const at = new Date(Date.now() - 5_000);
      const [passed, doubted, failed, changed, down] = await Promise.all(
        Array.from({ length: 5 }, () => activeTunnel(null)),
      );
      await tunnels().update({ id: changed!.id }, { version: 2 });
      await tunnels().update({ id: down!.id }, { state: 'failed' });
      const unverified = { outcome: 'unverified', reason: 'nobody to ask' } as const;
      const lost = { outcome: 'failed', leg: 'machine→target', reason: 'gone' } as const;
      await server
        .get(TunnelStates)
        .confirm([
          probe(passed!, { at }),
          probe(doubted!, { at, result: unverified }),
          probe(failed!, { at, result: lost }),
          probe(changed!, { at }),
          probe(down!, { at }),
        ]);
      const read = async ({ id }: Tunnel) => {
        const { state, proof, probedAt } = await tunnels().findOneByOrFail({ id });
        return { state, proof, probedAt };
      };
      expect(await read(passed!)).toEqual({ state: 'active', proof: 'bytes', probedAt: at });
      expect(await read(doubted!)).toEqual({ state: 'active', proof: 'unverified', probedAt: at });
      expect(await read(failed!)).toEqual({ state: 'active', proof: 'accepted', probedAt: at });
      expect(await read(changed!)).toMatchObject({ proof: 'accepted', probedAt: null });
      expect(await read(down!)).toMatchObject({ state: 'failed', probedAt: null });
    });
  });

  describe(ProbeTurns.name, () => {
    const edge = { value: uuidv7() } as EdgeId;
    const turnsOf = () =>
      new ProbeTurns(tunnels(), edge, { probeIntervalMs: INTERVAL_MS } as ServerConfig);
    const ids = (found: readonly Tunnel[]) => found.map(({ id }) => id);
    const old = () => new Date(Date.now() - 2 * INTERVAL_MS);

    beforeEach(() => tunnels().delete({ edgeId: edge.value }));

    it('spread a fleet over the interval, those first that waited longest, and none twice', async () => {
      for (let i = 0; i < 60; i++) {
        await activeTunnel(new Date(Number(old()) - i * 1_000), edge.value);
      }
      const turns = turnsOf();
      const begun = performance.now();
      const seen: string[] = [];
      const sizes: number[] = [];
      for (let second = 1; second <= 30; second++) {
        const found = await turns.next(begun + second * 1_000);
        sizes.push(found.length);
        seen.push(...ids(found));
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual(3);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toHaveLength(60);
      const byAge = await tunnels().find({
        where: { edgeId: edge.value },
        order: { probedAt: 'ASC' },
      });
      expect(seen).toEqual(ids(byAge));
    });

    it('leave alone what was probed, what is not up, and what is being probed', async () => {
      const due = await activeTunnel(old(), edge.value);
      await activeTunnel(new Date(Date.now() - INTERVAL_MS / 2), edge.value);
      const failed = await activeTunnel(old(), edge.value);
      await tunnels().update({ id: failed.id }, { state: 'failed' });
      const turns = turnsOf();
      const now = performance.now() + INTERVAL_MS;
      expect(ids(await turns.next(now))).toEqual([due.id]);
      expect(await turns.next(now + INTERVAL_MS)).toEqual([]);
      turns.end(due.id, false);
      expect(ids(await turns.next(now + 2 * INTERVAL_MS))).toEqual([due.id]);
    });

    it('come again soon after a failed probe, and not before', async () => {
      const { id } = await activeTunnel(old(), edge.value);
      const turns = turnsOf();
      const now = performance.now() + INTERVAL_MS;
      expect(ids(await turns.next(now))).toEqual([id]);
      turns.end(id, true, now);
      expect(await turns.next(now + 1_999)).toEqual([]);
      expect(ids(await turns.next(now + 2_000))).toEqual([id]);
      turns.end(id, true, now);
      await tunnels().update({ id }, { state: 'failed' });
      expect(await turns.next(now + 60_000)).toEqual([]);
    });

    it('are none when the database goes away meanwhile, and then those that were due', async () => {
      const [failed, waiting] = [
        await activeTunnel(old(), edge.value),
        await activeTunnel(new Date(Number(old()) + 1_000), edge.value),
      ];
      const turns = turnsOf();
      const now = performance.now() + 1_000;
      expect(ids(await turns.next(now))).toEqual([failed.id]);
      turns.end(failed.id, true, now);
      const gone = vi.spyOn(tunnels(), 'createQueryBuilder').mockImplementationOnce(() => {
        throw new Error('Connection terminated');
      });
      await expect(turns.next(now + INTERVAL_MS)).rejects.toThrow('terminated');
      expect(gone).toHaveBeenCalledOnce();
      gone.mockRestore();
      expect(ids(await turns.next(now + INTERVAL_MS + 1_000))).toEqual([failed.id, waiting.id]);
    });

    it('stay spread after a time without the database', async () => {
      for (let i = 0; i < 60; i++) await activeTunnel(old(), edge.value);
      const turns = turnsOf();
      const begun = performance.now();
      const gone = vi.spyOn(tunnels(), 'countBy').mockRejectedValue(new Error('no connection'));
      for (let second = 1; second <= 30; second++) {
        await expect(turns.next(begun + second * 1_000)).rejects.toThrow('no connection');
      }
      gone.mockRestore();
      expect((await turns.next(begun + 31_000)).length).toBeLessThanOrEqual(3);
    });

    it('wait for nobody whose last probe lies in the future, as after a clock was put back', async () => {
      const { id } = await activeTunnel(new Date(Date.now() + 3_600_000), edge.value);
      expect(ids(await turnsOf().next(performance.now() + INTERVAL_MS))).toEqual([id]);
    });
  });
});
