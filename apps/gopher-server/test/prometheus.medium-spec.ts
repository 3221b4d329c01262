import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import pg from 'pg';
import { until } from '../../../test/product/until.js';
import { repositoryPath } from '../../../test/product/program.js';
import { MachineHealthSweep } from '@gopher/machine';
import { EdgeEvents } from '../src/event/edge-events.js';
import { RELEASE } from '../src/release.js';
import { type Family, parsePrometheus } from './prometheus-text.js';
import { TestingMachine } from './testing-machine.js';
import { TestingServer } from './testing-server.js';

/** The server tells the same for so long. */
const FRESH_MS = 1_000;

describe('/metrics', () => {
  let server: TestingServer;
  let token: string;

  beforeAll(async () => {
    server = await TestingServer.start();
    token = await metricsToken();
  });
  afterAll(() => server.stop());

  const file = () => join(server.stateDir, 'metrics-token');
  const metricsToken = async () => (await readFile(file(), 'utf8')).trim();

  const ask = (bearer = token) =>
    server.fetch<string>('/metrics', { headers: { authorization: `Bearer ${bearer}` } });

  async function scrape(): Promise<Family[]> {
    const answer = await ask();
    expect(answer.status).toBe(200);
    return parsePrometheus(answer.text);
  }

  function valueIn(families: Family[], name: string, labels: Record<string, string> = {}) {
    const samples = families.flatMap((family) => family.samples);
    return samples.find(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )?.value;
  }

  /** What one label of a metric counts, by its value. */
  function byLabel(families: Family[], name: string, label: string): Record<string, number> {
    const { samples = [] } = families.find((family) => family.name === name) ?? {};
    return Object.fromEntries(samples.map(({ labels, value }) => [labels[label]!, value]));
  }

  const untilValue = (name: string, labels: Record<string, string>, value: number | undefined) =>
    until(`${name} ${JSON.stringify(labels)} is ${value}`, async () => {
      const families = await scrape();
      const found = valueIn(families, name, labels);
      if (found === value) return families;
      throw new Error(`It is ${found}`);
    });

  describe('its token', () => {
    it('is in a file for its owner alone, and stays the same', async () => {
      expect((await stat(file())).mode & 0o777).toBe(0o600);
      expect(token).toMatch(/^[\w-]{43}$/);
      await server.restart();
      expect(await metricsToken()).toBe(token);
      expect((await ask()).status).toBe(200);
    });

    it('opens nothing else, and nothing else opens it', async () => {
      const bearer = { authorization: `Bearer ${token}` };
      for (const path of ['/api/v1/machines', '/api/v1/edge', '/api/v1/events']) {
        expect([path, (await server.fetch(path, { headers: bearer })).status]).toEqual([path, 401]);
      }
      const others = [server.authorization, { authorization: 'Bearer x' }, undefined];
      for (const headers of others) {
        const answer = await server.fetch('/metrics', headers ? { headers } : {});
        expect([answer.status, answer.body.detail]).toEqual([
          401,
          expect.stringContaining('metrics-token'),
        ]);
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      }
    });

    it('is another one once its file was removed', async () => {
      await writeFile(file(), '\n');
      await server.restart();
      const before = token;
      token = await metricsToken();
      expect([(await ask(before)).status, (await ask()).status]).toEqual([401, 200]);
    });
  });

  it('is what Prometheus reads, by its conventions', async () => {
    const answer = await ask();
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    for (const { name, type, help } of parsePrometheus(answer.text)) {
      expect([name, /^(?:gopher|process|nodejs)_[a-z_]+$/.test(name)]).toEqual([name, true]);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect([name, /(?:_ms|_milli|_percent|_minutes|_kb|_mb)/.test(name)]).toEqual([name, false]);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect([name, help.length > 10]).toEqual([name, true]);
    }
  });

  it('is described in docs/metrics.md, all of it and nothing else', async () => {
    const docs = await readFile(repositoryPath('docs/metrics.md'), 'utf8');
    const described = [...docs.matchAll(/^\| `([a-z_]+)`(?:\{([a-z, ]+)\})? +\| (\w+)/gm)];
    const shown = (await scrape()).map(({ name, type, samples }) => {
      const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
      labels.delete('le');
      return { name, type, labels: [...labels].sort() };
    });
    const names = described.map(([, name]) => name!).sort();
    expect(names).toEqual(shown.map(({ name }) => name).sort());
    for (const { name, type, labels } of shown) {
      const [, , written = '', kind] = described.find(([, found]) => found === name)!;
      expect([name, kind]).toEqual([name, type]);
      const documented = written.split(', ').filter(Boolean).sort();
      // What has no machine or tunnel yet shows no label.
      expect([name, documented]).toEqual([name, expect.arrayContaining(labels)]);
    }
  });

  it('reads once for all who ask within a second', async () => {
    await new Promise((resolve) => setTimeout(resolve, FRESH_MS));
    const texts = await Promise.all(Array.from({ length: 10 }, async () => (await ask()).text));
    expect(new Set(texts).size).toBe(1);
  });

  describe('of machines and tunnels', () => {
    let machine: TestingMachine;
    let joined: Awaited<ReturnType<TestingServer['joinedMachine']>>;
    let agentless: string;

    beforeAll(async () => {
      machine = await TestingMachine.join(server, 'served');
      joined = await server.joinedMachine('without-clients');
      agentless = (await server.createMachine('agentless')).id;
    });
    afterAll(() => machine.stop());

    it('counts what there is, and follows when one breaks', async () => {
      const healthOf = async (id: string) =>
        (await server.api<{ health: string }>('GET', `/machines/${id}/status`)).health;
      const ids = [machine.id, joined.id, agentless];
      const before = await untilValue('gopher_machine_healthy', { machine: machine.id }, 1);
      const healths = await Promise.all(ids.map(healthOf));
      const counted = { healthy: 0, degraded: 0, down: 0, unknown: 0 } as Record<string, number>;
      for (const health of healths) counted[health]! += 1;
      expect(counted['healthy']).toBeGreaterThan(0);
      expect(byLabel(before, 'gopher_machines', 'health')).toEqual(counted);
      expect(byLabel(before, 'gopher_agents', 'status')).toEqual({
        up: 2,
        down: 0,
        unknown: 0,
        none: 1,
      });
      expect(byLabel(before, 'gopher_agent_up', 'machine')).toEqual({
        [machine.id]: 1,
        [joined.id]: 1,
      });
      expect(Object.keys(byLabel(before, 'gopher_machine_healthy', 'machine')).sort()).toEqual(
        ids.sort(),
      );

      joined.agent.close();
      await server.get(MachineHealthSweep).run();
      const after = await untilValue('gopher_agent_up', { machine: joined.id }, 0);
      expect(byLabel(after, 'gopher_agents', 'status')).toMatchObject({ up: 1, none: 1 });
      expect(byLabel(after, 'gopher_agent_up', 'machine')[machine.id]).toBe(1);
    });

    it('counts sweeps and what they met', async () => {
      const count = (families: Family[]) =>
        valueIn(families, 'gopher_sweep_duration_seconds_count')!;
      const before = count(await scrape());
      await server.get(MachineHealthSweep).run();
      // The one of every minute may come as well.
      const after = await until('it is counted', async () => {
        const families = await scrape();
        return count(families) > before && families;
      });
      expect(byLabel(after, 'gopher_sweep_machines', 'result')).toEqual({
        answered: 1,
        silent: 1,
        failed: 0,
      });
      const last = valueIn(after, 'gopher_sweep_last_success_timestamp_seconds')!;
      expect(Math.abs(Date.now() / 1_000 - last)).toBeLessThan(10);
    });

    it('counts tunnels, their probes, pushes and ports, and a tunnel that breaks', async () => {
      const before = await scrape();
      const applied = valueIn(before, 'gopher_pushes_total', { result: 'applied' })!;
      const free = valueIn(before, 'gopher_ports_free', { range: 'tunnels', protocol: 'tcp' })!;
      const failures = valueIn(before, 'gopher_probes_total', { result: 'failed' })!;
      const { id } = await machine.createTunnel('127.0.0.1:9'); // nobody listens there
      const label = { tunnel: id, machine: machine.id };
      await until('the probe has found it broken', async () => {
        const { state } = await server.api<{ state: string }>('GET', `/tunnels/${id}`);
        return state === 'failed';
      });
      const after = await untilValue('gopher_tunnels', { state: 'failed' }, 1);
      expect(valueIn(after, 'gopher_tunnel_up', label)).toBe(0);
      expect(byLabel(after, 'gopher_tunnels', 'state')).toEqual({
        active: 0,
        pending: 0,
        failed: 1,
      });
      expect(valueIn(after, 'gopher_probes_total', { result: 'failed' })).toBeGreaterThan(failures);
      expect(valueIn(after, 'gopher_ports_free', { range: 'tunnels', protocol: 'tcp' })).toBe(
        free - 1,
      );
      const confirmed = await untilValue('gopher_pushes_total', { result: 'applied' }, applied + 1);
      expect(valueIn(confirmed, 'gopher_push_duration_seconds_count')).toBe(applied + 1);
      await server.api('DELETE', `/tunnels/${id}`);
      const gone = await untilValue('gopher_tunnel_up', label, undefined);
      expect(valueIn(gone, 'gopher_ports_free', { range: 'tunnels', protocol: 'tcp' })).toBe(free);
    });

    it('counts a push that is refused', async () => {
      const before = await scrape();
      const refused = valueIn(before, 'gopher_pushes_total', { result: 'refused' })!;
      machine.agent.refusing = () => 'The policy does not allow it';
      const { id } = await machine.createTunnel('127.0.0.1:9');
      await untilValue('gopher_pushes_total', { result: 'refused' }, refused + 1);
      machine.agent.refusing = null;
      await server.api('DELETE', `/tunnels/${id}`);
    });
  });

  it('says what this edge is and does', async () => {
    const families = await scrape();
    expect(valueIn(families, 'gopher_build_info', { version: RELEASE })).toBe(1);
    expect(valueIn(families, 'gopher_rathole_running')).toBe(1);
    expect(valueIn(families, 'gopher_rathole_control_port_open')).toBe(1);
    expect(valueIn(families, 'gopher_database_up')).toBe(1);
    expect(valueIn(families, 'gopher_database_round_trip_seconds')).toBeGreaterThan(0);
    const { from, to } = server.ports.backChannels;
    expect(valueIn(families, 'gopher_ports', { range: 'back-channels', protocol: 'tcp' })).toBe(
      to - from + 1,
    );
    const resident = valueIn(families, 'process_resident_memory_bytes')!;
    expect(Math.abs(resident / process.memoryUsage.rss() - 1)).toBeLessThan(0.5);
    expect(valueIn(families, 'process_open_fds')).toBeGreaterThan(10);
    const started = valueIn(families, 'process_start_time_seconds')!;
    expect(Math.abs(Date.now() / 1_000 - process.uptime() - started)).toBeLessThan(30);
  });

  it('answers in time while the database answers nothing of machines', async () => {
    const { url } = server.testingDatabase;
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query('BEGIN; LOCK TABLE "machine" IN ACCESS EXCLUSIVE MODE');
    try {
      await new Promise((resolve) => setTimeout(resolve, FRESH_MS));
      const begun = performance.now();
      const families = await scrape();
      expect(performance.now() - begun).toBeLessThan(6_000);
      expect(byLabel(families, 'gopher_collector_success', 'collector')).toEqual({
        database: 1,
        edge: 1,
        fleet: 0,
      });
      expect(byLabel(families, 'gopher_machines', 'health')).toEqual({});
      expect(valueIn(families, 'gopher_database_up')).toBe(1);
    } finally {
      await client.end();
    }
    await untilValue('gopher_collector_success', { collector: 'fleet' }, 1);
  });

  it('counts who follows the events, and what is told', async () => {
    // Of logs nothing is told by itself while nobody follows them.
    const before = valueIn(await scrape(), 'gopher_events_total', { topic: 'logs' })!;
    const request = get(`${server.url}/api/v1/events?topics=events`, {
      headers: server.authorization,
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume().on('error', () => {}); // it is cut off in the end
    server.get(EdgeEvents).publish('logs', 'edge', 'test', {});
    await untilValue('gopher_event_readers', {}, 1);
    await untilValue('gopher_events_total', { topic: 'logs' }, before + 1);
    request.destroy();
    await untilValue('gopher_event_readers', {}, 0);
  });
});
