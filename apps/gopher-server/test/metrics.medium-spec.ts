import { readFileSync, statfsSync } from 'node:fs';
import { cpus } from 'node:os';
import { Logger } from '@nestjs/common';
import { StreamMetricsResponse } from '@gopher/proto';
import type { MachineStatusView } from '../src/machine/machine.schema.js';
import { EdgeEvents } from '../src/event/edge-events.js';
import type { MetricHistoryView } from '../src/metric/metric.schema.js';
import { MetricBoard } from '../src/metric/metric-board.js';
import { MetricCadence } from '../src/metric/metric-cadence.js';
import { MetricRecorder } from '../src/metric/metric-recorder.js';
import { type FakeAgent, quietMetrics } from '../../../test/product/fake-agent.js';
import { until } from '../../../test/product/until.js';
import { TestingServer } from './testing-server.js';

const FINE_MS = 1_000;
const COARSE_MS = 15_000;
type IsIt = (newest: NonNullable<MetricHistoryView['newest']>) => boolean;
const NONE = '0193a000-0000-7000-8000-000000000000';

describe('metrics', () => {
  let server: TestingServer;
  let machines = 0;

  beforeAll(async () => {
    server = await TestingServer.start();
  });
  afterAll(() => server.stop());

  const join = () => server.joinedMachine(`machine-${++machines}`);
  const history = (id: string, query = '') =>
    server.api<MetricHistoryView>('GET', `/machines/${id}/metrics${query}`);
  const edgeHistory = (query = '') => server.api<MetricHistoryView>('GET', `/edge/metrics${query}`);
  const rowsOf = (id: string) =>
    server.database.query<{ samples: number; cpu_avg: number; cpu_max: number; bucket: Date }[]>(
      `SELECT * FROM metric_sample WHERE machine_id = $1 ORDER BY bucket`,
      [id],
    );
  /** As if every stretch of time were over. */
  const flush = () => server.get(MetricRecorder).flush(Date.now() + 2 * COARSE_MS);

  const followed = (agent: FakeAgent, intervalMs: number) =>
    until(`the agent is asked every ${intervalMs} ms`, () => {
      const { metricIntervals } = agent;
      if (metricIntervals.length === 1 && metricIntervals[0] === intervalMs) return true;
      throw new Error(`every ${metricIntervals.join()} ms`);
    });

  async function measured(): Promise<{ id: string; agent: FakeAgent }> {
    const { id, agent } = await join();
    await until('a sample came', async () => (await history(id)).newest !== null);
    return { id, agent };
  }

  /** Sends it until it is the newest: what comes too quickly after another is thinned out. */
  const tell = (id: string, agent: FakeAgent, metrics: StreamMetricsResponse, isIt: IsIt) =>
    until('it came', async () => {
      agent.tellMetrics(metrics);
      const { newest } = await history(id);
      return newest && isIt(newest) && newest;
    });

  it('of a machine are part of its status, with the time of the newest sample', async () => {
    const from = Date.now();
    const { id } = await measured();
    const { metrics } = await server.api<MachineStatusView>('GET', `/machines/${id}/status`);
    expect(metrics).toMatchObject({
      cpuUsage: 0.1,
      coreUsage: [0.1, 0.1],
      load: [0.1, 0.1, 0.1],
      memoryTotalBytes: 2 ** 30,
      memoryAvailableBytes: 2 ** 29,
      swapTotalBytes: 2 ** 30,
      filesystems: [
        {
          mountPoint: '/',
          type: 'ext4',
          totalBytes: 2 ** 34,
          availableBytes: 2 ** 33,
          totalInodes: 1_000_000,
          availableInodes: 900_000,
        },
      ],
      interfaces: [{ name: 'eth0', receivedBytes: 1_000, sentBytes: 2_000 }],
      temperatures: [{ sensor: 'coretemp Package id 0', celsius: 41.5 }],
    });
    expect(metrics!.processes.map(({ name }) => name)).toEqual(['agent', 'control', 'data']);
    const seenAt = Date.parse(metrics!.observedAt);
    expect(seenAt).toBeGreaterThanOrEqual(from);
    expect(seenAt).toBeLessThanOrEqual(Date.now());
    expect((await history(id)).newest).toEqual(metrics);
  });

  it('of a machine without an agent are none, and it is said why', async () => {
    const { id } = await server.createMachine(`bare-${++machines}`);
    const status = await server.api<MachineStatusView>('GET', `/machines/${id}/status`);
    expect(status.metrics).toBeNull();
    expect(await history(id)).toEqual({
      newest: null,
      problem: expect.stringMatching(/no agent/),
      items: [],
    });
  });

  it('that the platform does not tell are absent, and not zero', async () => {
    const { id, agent } = await join();
    agent.measure = () =>
      quietMetrics({
        coreUsage: [],
        swapTotalBytes: undefined,
        swapFreeBytes: undefined,
        temperatures: [],
        processes: [{ name: 'agent', pid: 7, residentBytes: 5n, threads: 1 }],
        connections: [
          { service: 'tunnel.0193a000-0000-7000-8000-000000000001' },
          { service: 'tunnel.0193a000-0000-7000-8000-000000000002', established: 0 },
          { service: 'no tunnel of an edge', established: 9 },
        ],
        system: {
          ...quietMetrics().system!,
          disks: [{ mountPoint: '/', type: 'btrfs', totalBytes: 9n, availableBytes: 4n }],
        },
      });
    const newest = await tell(
      id,
      agent,
      agent.measure(),
      ({ swapTotalBytes }) => swapTotalBytes === null,
    );
    expect(newest).toMatchObject({
      coreUsage: [],
      swapFreeBytes: null,
      temperatures: [],
      filesystems: [{ type: 'btrfs', totalInodes: null, availableInodes: null }],
      processes: [{ name: 'agent', pid: 7, cpuUsage: null, openFiles: null }],
      tunnels: [
        { tunnelId: '0193a000-0000-7000-8000-000000000001', connections: null },
        { tunnelId: '0193a000-0000-7000-8000-000000000002', connections: 0 },
      ],
    });
  });

  it('are fine while somebody reads them, over one stream for any number of readers', async () => {
    const { id, agent } = await join();
    const cadence = server.get(MetricCadence);
    await followed(agent, COARSE_MS);
    const first = cadence.open(id);
    await followed(agent, FINE_MS);
    const { calls } = agent;
    const streams = () => calls.filter((call) => call === 'streamMetrics').length;
    const before = streams();
    const second = cadence.open(id);
    first();
    first(); // once is enough, and twice no harm
    await until('two samples a second apart came', async () => {
      const { newest } = await history(id);
      const from = Date.parse(newest!.observedAt);
      return until('another', async () => {
        return Date.parse((await history(id)).newest!.observedAt) > from;
      });
    });
    expect(agent.metricIntervals).toEqual([FINE_MS]);
    expect(streams()).toBe(before);
    second();
    await followed(agent, COARSE_MS);
  });

  it('of one machine are fine without those of another, nor of the edge', async () => {
    const [one, other] = [await join(), await join()];
    await followed(one.agent, COARSE_MS);
    await followed(other.agent, COARSE_MS);
    const close = server.get(MetricCadence).open(one.id);
    onTestFinished(close);
    await followed(one.agent, FINE_MS);
    expect(other.agent.metricIntervals).toEqual([COARSE_MS]);
    const edgeAt = (await edgeHistory()).newest!.observedAt;
    await until('a second has gone', async () => {
      const { newest } = await history(one.id);
      return Date.parse(newest!.observedAt) > Date.parse(edgeAt) + 2_000;
    });
  });

  it('are published as they come, as the API shows them', async () => {
    const publish = vi.spyOn(server.get(EdgeEvents), 'publish');
    onTestFinished(() => publish.mockRestore());
    const { id } = await measured();
    const { newest } = await history(id);
    expect(publish).toHaveBeenCalledWith('metrics', id, 'metrics', newest);
    onTestFinished(server.get(MetricCadence).open('edge'));
    await until('one of the edge', () =>
      publish.mock.calls.some(([topic, about]) => topic === 'metrics' && about === 'edge'),
    );
  });

  it('are followed again after the connection broke, and no more once the machine is gone', async () => {
    const { id, agent } = await measured();
    await followed(agent, COARSE_MS);
    agent.disconnect();
    await until('it broke', () => agent.metricIntervals.length === 0);
    await followed(agent, COARSE_MS);
    await flush();
    expect((await rowsOf(id)).length).toBeGreaterThan(0);
    await server.api('DELETE', `/machines/${id}`);
    await until('nobody follows', () => agent.metricIntervals.length === 0);
    expect(await rowsOf(id)).toEqual([]);
    expect((await server.call(`/machines/${id}/metrics`)).status).toBe(404);
  });

  it('of an agent that is older than them are none, which is said, and all else goes on', async () => {
    const { id, agent } = await join();
    agent.measure = null;
    agent.disconnect();
    const { problem } = await until('it is noticed', async () => {
      const answer = await history(id);
      return answer.problem?.includes('release') && answer;
    });
    expect(problem).toMatch(/of a release that does not measure; install/);
    await server.untilAgentIs(id, 'up');
  });

  it('of a silent agent stay those that came last, and it is said that it is silent', async () => {
    const { id, agent } = await measured();
    const { newest } = await history(id);
    agent.close();
    const answer = await until('it is noticed', async () => {
      const now = await history(id);
      return now.problem !== null && now;
    });
    expect(answer.problem).toMatch(/does not answer/);
    expect(answer.newest?.filesystems).toEqual(newest!.filesystems);
  });

  it('of a hostile agent are bounded, and never stop those of others', async () => {
    const { id, agent } = await measured();
    const long = `\0${'𝒳'.repeat(50_000)}`;
    const many = <T>(one: T) => Array.from({ length: 5_000 }, () => one);
    const huge = 2n ** 64n - 1n;
    const disk = { mountPoint: long, type: long, totalBytes: huge, availableBytes: huge };
    const hostile = StreamMetricsResponse.fromPartial({
      monotonicMs: huge,
      coreUsage: many(NaN),
      swapTotalBytes: huge,
      interfaces: many({ name: 'eth0', receivedBytes: huge }),
      temperatures: many({ sensor: 'a', celsius: Infinity }),
      processes: many({ name: '', cpuUsage: -Infinity }),
      connections: many({ service: `tunnel.${NONE}`, established: 2 ** 32 - 1 }),
      system: { cpuUsage: NaN, load1: -Infinity, memoryTotalBytes: huge, disks: [disk, disk] },
    });
    const newest = await tell(
      id,
      agent,
      hostile,
      ({ memoryTotalBytes }) => memoryTotalBytes === Number.MAX_SAFE_INTEGER,
    );
    expect(newest).toMatchObject({ cpuUsage: 0, load: [0, 0, 0], swapFreeBytes: null });
    const { coreUsage, interfaces, temperatures, processes, tunnels, filesystems } = newest;
    const lists = [coreUsage, interfaces, temperatures, processes, tunnels, filesystems];
    expect(lists.map(({ length }) => length)).toEqual([256, 64, 64, 8, 1_000, 2]);
    expect(filesystems[0]!.mountPoint.length).toBeLessThanOrEqual(200);
    const other = await measured();
    await flush();
    expect((await rowsOf(id)).length).toBeGreaterThan(0);
    expect((await rowsOf(other.id)).length).toBeGreaterThan(0);
    expect((await history(id)).items.at(-1)!.last.processes).toEqual(processes);
  });

  it('of an agent that floods are thinned out', async () => {
    const { id, agent } = await measured();
    const publish = vi.spyOn(server.get(EdgeEvents), 'publish');
    onTestFinished(() => publish.mockRestore());
    for (let i = 0; i < 2_000; i += 1) agent.tellMetrics(quietMetrics());
    agent.tell({ agentVersion: '9.9.9' });
    await until('what came after it is known', async () => {
      const { agent: known } = await server.api<MachineStatusView>('GET', `/machines/${id}/status`);
      return known?.version === '9.9.9';
    });
    expect(publish.mock.calls.filter(([, about]) => about === id).length).toBeLessThan(50);
  });

  it('of the edge are its own, with what its programs use', async () => {
    const close = server.get(MetricCadence).open('edge');
    onTestFinished(close);
    const newest = await until('a second sample came', async () => {
      const { newest: sample } = await edgeHistory();
      return sample?.cpuUsage != null && sample;
    });
    const total = /^MemTotal: +(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1];
    expect(newest.memoryTotalBytes).toBe(Number(total) * 1_024);
    expect(newest.coreUsage).toHaveLength(cpus().length);
    const root = newest.filesystems.find(({ mountPoint }) => mountPoint === '/');
    if (root) expect(root.totalBytes).toBe(statfsSync('/').blocks * statfsSync('/').bsize);
    const [self, rathole, ...others] = newest.processes;
    expect(self).toMatchObject({ name: 'gopher-server', pid: process.pid });
    const { rathole: status } = await server.api<{ rathole: { pid: number } }>('GET', '/edge');
    expect(rathole).toMatchObject({ name: 'rathole-server', pid: status.pid });
    // The database of this test is not the edge's own.
    expect(others).toEqual([]);
    expect(newest.tunnels).toEqual([]);
  });

  describe('are kept', () => {
    it('as one row for 15 s, whatever the cadence, of many machines in one statement', async () => {
      const joined = [await measured(), await measured(), await measured()];
      await flush();
      await server.database.query(`DELETE FROM metric_sample`);
      await justAfterAStretchBegan();
      for (const usage of [0.2, 0.4, 0.9]) {
        const busy = quietMetrics({ system: { ...quietMetrics().system!, cpuUsage: usage } });
        for (const { id, agent } of joined) {
          await tell(id, agent, busy, ({ cpuUsage }) => cpuUsage === usage);
        }
      }
      const query = vi.spyOn(server.database, 'query');
      await flush();
      const inserts = query.mock.calls.filter(([sql]) => sql.includes('INSERT'));
      query.mockRestore();
      expect(inserts).toHaveLength(1);
      for (const { id } of joined) {
        const rows = await rowsOf(id);
        expect(rows).toHaveLength(1);
        expect(rows[0]!.samples).toBeGreaterThanOrEqual(3);
        expect(rows[0]!.cpu_max).toBe(0.9);
        expect(rows[0]!.cpu_avg).toBeGreaterThan(0.2);
        expect(rows[0]!.cpu_avg).toBeLessThanOrEqual(0.5);
        expect(rows[0]!.bucket.getTime() % COARSE_MS).toBe(0);
        const { items } = await history(id);
        expect(items).toMatchObject([{ resolutionSeconds: 15, cpuUsageMax: 0.9 }]);
        expect(items[0]!.last.cpuUsage).toBe(0.9);
      }
    });

    /** So that what follows falls into one. */
    const justAfterAStretchBegan = () =>
      until('a stretch of 15 s begins', () => Date.now() % COARSE_MS < 8_000, 10_000);

    /** One each 15 s, the newest now, with counters that count 1,500 more each time. */
    const fill = (machineId: string | null, count: number, edgeId = server.edgeId) =>
      server.database.query(
        `INSERT INTO metric_sample (edge_id, resolution_seconds, bucket, subject_id, machine_id,
           samples, details)
         SELECT $2, 15, now() - make_interval(secs => 15 * n), coalesce($1::uuid, $2), $1, 1,
           jsonb_build_object('observedAt', now() - make_interval(secs => 15 * n),
             'monotonicMs', 1e9 - 15000 * n, 'filesystems', '[]'::jsonb,
             'interfaces', jsonb_build_array(jsonb_build_object('name', 'eth0',
               'receivedBytes', 1e9 - 1500 * n, 'sentBytes', CASE WHEN n > 2 THEN 10 ELSE 5 END)))
         FROM generate_series($3::int - 1, 0, -1) n`,
        [machineId, edgeId, count],
      );

    it('for an hour, and no longer, of this edge alone', async () => {
      const { id } = await server.createMachine(`kept-${++machines}`);
      await fill(id, 400);
      const foreign = '0193a000-0000-7000-8000-0000000000ee';
      await fill(null, 400, foreign);
      await server.get(MetricRecorder).purge();
      const kept = (await rowsOf(id)).length;
      expect(kept).toBeGreaterThanOrEqual(239);
      expect(kept).toBeLessThanOrEqual(241);
      const [{ count }] = (await server.database.query(
        `SELECT count(*)::int FROM metric_sample WHERE edge_id = $1`,
        [foreign],
      )) as [{ count: number }];
      expect(count).toBe(400);
    });

    it('and read from a time on, the newest of them, oldest first, with the rates in between', async () => {
      const { id } = await server.createMachine(`read-${++machines}`);
      await fill(id, 10);
      const { items } = await history(id);
      expect(items).toHaveLength(10);
      const times = items.map(({ from }) => Date.parse(from));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      const rates = items.map(({ last }) => last.interfaces[0]!.receivedBytesPerSecond);
      expect(rates).toEqual([null, ...Array<number>(9).fill(100)]);
      // One counter began anew on the way.
      const sent = items.map(({ last }) => last.interfaces[0]!.sentBytesPerSecond);
      expect(sent).toEqual([null, 0, 0, 0, 0, 0, 0, null, 0, 0]);
      expect((await history(id, '?limit=3')).items).toMatchObject(
        items.slice(7).map(({ from }) => ({ from })),
      );
      const since = encodeURIComponent(items[6]!.from);
      expect((await history(id, `?since=${since}`)).items).toHaveLength(4);
      for (const query of ['limit=0', 'limit=1001', 'limit=x', 'since=yesterday', 'until=1']) {
        expect((await server.call(`/machines/${id}/metrics?${query}`)).status).toBe(400);
        expect((await server.call(`/edge/metrics?${query}`)).status).toBe(400);
      }
      expect((await server.call(`/machines/${NONE}/metrics`)).status).toBe(404);
      expect((await server.call(`/machines/x/metrics`)).status).toBe(400);
    });

    it('of the edge as of a machine', async () => {
      await server.database.query(`DELETE FROM metric_sample WHERE machine_id IS NULL`);
      onTestFinished(server.get(MetricCadence).open('edge'));
      await until('its own sample is kept', async () => {
        await flush();
        return (await edgeHistory()).items.length > 0;
      });
      const { items } = await edgeHistory();
      expect(items.at(-1)!.last.processes[0]!.name).toBe('gopher-server');
    });

    it('not while the database is away: they are lost, which is said once, and the newest go on', async () => {
      const { id, agent } = await measured();
      await flush();
      const warn = vi.spyOn(Logger.prototype, 'warn');
      const insert = vi
        .spyOn(server.database, 'query')
        .mockRejectedValue(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }));
      const board = server.get(MetricBoard);
      for (const celsius of [1, 2]) {
        await until('it came', () => {
          agent.tellMetrics(quietMetrics({ temperatures: [{ sensor: 'a', celsius }] }));
          return board.get(id)?.temperatures[0]?.celsius === celsius;
        });
        await flush();
      }
      insert.mockRestore();
      const said = warn.mock.calls.filter(([message]) => String(message).includes('not kept'));
      warn.mockRestore();
      expect(said).toHaveLength(1);
      expect((await history(id)).newest!.temperatures).toEqual([{ sensor: 'a', celsius: 2 }]);
      await server.database.query(`DELETE FROM metric_sample`);
      await tell(id, agent, quietMetrics(), ({ temperatures }) => temperatures[0]!.celsius > 2);
      await flush();
      expect(await rowsOf(id)).toHaveLength(1);
    });

    it('not of a machine that is removed meanwhile, and those of the others are', async () => {
      const [gone, stays] = [await measured(), await measured()];
      await flush();
      await server.database.query(`DELETE FROM metric_sample`);
      const warm = quietMetrics({ temperatures: [{ sensor: 'a', celsius: 3 }] });
      for (const { id, agent } of [gone, stays]) {
        await tell(id, agent, warm, ({ temperatures }) => temperatures[0]?.celsius === 3);
      }
      await server.api('DELETE', `/machines/${gone.id}`);
      await flush();
      expect(await rowsOf(gone.id)).toEqual([]);
      expect(await rowsOf(stays.id)).toHaveLength(1);
    });
  });
});
