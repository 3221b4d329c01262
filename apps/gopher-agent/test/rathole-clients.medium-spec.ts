import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { RatholeClientState } from '@gopher/proto';
import type { AgentCaller } from './agent-caller.js';
import { TestMachine } from './agent-process.js';
import { exchange, keepOpen, startEcho } from './echo.js';
import { freePort } from '../../../test/product/free-port.js';
import { ratholePath, releasedRathole } from '../../../test/product/rathole.js';

const { CONNECTED, FROZEN, STOPPED } = RatholeClientState;

/** Real rathole on both sides, killed and frozen for real. */
describe('the rathole clients of a machine', () => {
  let machine: TestMachine;
  let caller: AgentCaller;
  let target: Server;
  let tunnelPort: number;

  beforeAll(async () => {
    const [server, targetPort] = await startEcho();
    target = server;
    machine = await TestMachine.open();
    tunnelPort = await freePort();
    const { edge } = machine;
    edge.tunnels = [edge.tunnel('web', `127.0.0.1:${targetPort}`, tunnelPort)];
    await edge.serveTunnels(machine.ports.agent, machine.ports.check);
    await machine.enroll();
    await machine.run();
    caller = machine.caller();
    await serving();
    await connected();
  });
  afterAll(async () => {
    target.close();
    await machine[Symbol.asyncDispose]();
  });

  it('has the data client serve again within 1.5 s of its death, and tells of it', async () => {
    const stream = caller.watch();
    const { data } = await stream.until('the first', () => true);
    signal(data!.pid, 'SIGKILL');
    const killedAt = performance.now();
    await stream.until('stopped', (status) => status.data?.state === STOPPED);
    await serving();
    expect(performance.now() - killedAt).toBeLessThan(1_500);
    const again = await stream.until('again', ({ data: now }) => isOther(now, data!.pid), 1);
    expect(again.data?.restarts).toBe(data!.restarts + 1);
    expect(again.control?.pid).toBe((await caller.status()).control?.pid);
    stream.cancel();
  });

  it('tells of a frozen data client within 3 s, and has it serve again within 20 s', async () => {
    const stream = caller.watch();
    const { data } = await stream.until('connected', (status) => status.data?.state === CONNECTED);
    signal(data!.pid, 'SIGSTOP');
    const frozenAt = performance.now();
    const frozen = await stream.until('frozen', (status) => status.data?.state === FROZEN);
    expect(performance.now() - frozenAt).toBeLessThan(3_000);
    expect(frozen).toMatchObject({ activeTunnels: 0, control: { state: CONNECTED } });
    await serving(20_000);
    expect(performance.now() - frozenAt).toBeLessThan(20_000);
    stream.cancel();
  });

  it('restarts the data client once when asked at the same time, and never the control client', async () => {
    await connected();
    const before = await caller.status();
    const calls = [1, 2, 3].map(() => caller.call('restartRathole', { reason: 'test' }, 10_000));
    const answers = (await Promise.all(calls)) as { data: { pid: number } }[];
    expect(new Set(answers.map(({ data }) => data.pid)).size).toBe(1);
    expect(answers[0]?.data.pid).not.toBe(before.data?.pid);
    expect((await caller.status()).control?.pid).toBe(before.control?.pid);
    await serving();
  });

  it('keeps the tunnels through a kill and a freeze of the control client, and is back', async () => {
    await connected();
    const before = await caller.status();
    const failures = await whileLoading(async () => {
      signal(before.control!.pid, 'SIGKILL');
      // The agent answers here directly, and may do so before its client is back.
      const now = await vi.waitFor(
        async () => {
          const status = await caller.status();
          expect(isOther(status.control, before.control!.pid)).toBe(true);
          return status;
        },
        { timeout: 10_000 },
      );
      signal(now.control!.pid, 'SIGSTOP');
      await vi.waitFor(
        async () => expect(isOther((await caller.status()).control, now.control!.pid)).toBe(true),
        {
          timeout: 25_000,
          interval: 500,
        },
      );
    });
    expect(failures).toBe(0);
    expect((await caller.status()).data?.pid).toBe(before.data?.pid);
  }, 60_000);

  it('outlives the agent, whether killed or stopped, and is adopted', async () => {
    await connected();
    const before = await caller.status();
    const failures = await whileLoading(async () => {
      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        await machine.kill(signal);
        await machine.run();
        await vi.waitFor(() => connected(), { timeout: 10_000 });
      }
    });
    expect(failures).toBe(0);
    const after = await caller.status();
    expect(after.control?.pid).toBe(before.control?.pid);
    expect(after.data?.pid).toBe(before.data?.pid);
    expect(after.instanceId).not.toBe(before.instanceId);
    expect(after).toMatchObject({ activeTunnels: 1, data: { restartNeeded: false } });
  }, 60_000);

  it('says of which build the client is that runs, not the one that it would start', async ({
    skip,
  }) => {
    const released = releasedRathole();
    skip(released === null, 'there is no released rathole: npm run rathole -- --released');
    const { ratholeVersion } = await caller.status();
    const changeTo = async (path: string) => {
      await machine.kill('SIGTERM');
      machine.useRathole(path);
      await machine.run();
      await vi.waitFor(() => connected(), { timeout: 10_000 });
    };
    await changeTo(released!);
    const adopted = { ratholeVersion, data: { restartNeeded: true } };
    expect(await caller.status()).toMatchObject(adopted);
    await caller.call('restartRathole', { reason: 'test' });
    await vi.waitFor(() => connected(), { timeout: 10_000 });
    expect(await caller.status()).toMatchObject({ ratholeVersion: '0.5.0' });
    await changeTo(await ratholePath());
    await caller.call('restartRathole', { reason: 'test' });
    await vi.waitFor(() => connected(), { timeout: 10_000 });
    expect(await caller.status()).toMatchObject({ ratholeVersion });
  }, 60_000);

  it('shows it all on the machine itself, with the agent and without', async () => {
    const { code, out } = await machine.command('status', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      agent: { pid: machine.agent!.pid },
      control: { state: 'connected' },
      data: { state: 'connected' },
      config: { revision: '1', tunnels: ['web'] },
    });
    const table = await machine.command('status');
    expect(table.out).toMatch(/data client +connected \(process \d+\)/);
    await machine.kill('SIGTERM');
    const without = await machine.command('status', '--json');
    expect(JSON.parse(without.out)).toMatchObject({
      agent: { pid: null },
      data: { state: 'connected' },
    });
    await machine.run();
  });

  it('refuses a second agent on its state directory and names the first', async () => {
    const second = await machine.command('run');
    expect(second.code).toBe(1);
    expect(second.err).toContain(`process ${machine.agent!.pid}`);
    const stop = await machine.command('stop-clients');
    expect(stop.code).toBe(1);
    await serving();
  });

  it('ends with stop-clients once the agent is stopped', async () => {
    await machine.kill('SIGTERM');
    expect(await machine.command('stop-clients')).toMatchObject({ code: 0 });
    expect(clientsOf(machine.stateDir)).toEqual([]);
    expect((await machine.command('status')).code).toBe(1);
    await machine.run();
    await serving();
  });

  async function serving(timeout = 10_000): Promise<void> {
    await vi.waitFor(async () => expect(await exchange(tunnelPort, 'ping', 300)).toBe('ping'), {
      timeout,
      interval: 20,
    });
  }

  async function connected(): Promise<void> {
    await vi.waitFor(
      async () =>
        expect(await caller.status()).toMatchObject({
          control: { state: CONNECTED },
          data: { state: CONNECTED },
          activeTunnels: 1,
        }),
      { timeout: 10_000, interval: 100 },
    );
  }

  /** New connections through the tunnel all the while; how many of them failed. */
  async function whileLoading(work: () => Promise<void>): Promise<number> {
    const done = new AbortController();
    let failures = 0;
    const load = async () => {
      while (!done.signal.aborted) {
        if ((await exchange(tunnelPort, 'load', 2_000)) !== 'load') failures += 1;
        await delay(20);
      }
    };
    await Promise.all([load(), work().finally(() => done.abort())]);
    return failures;
  }
});

describe('a rathole client that a person started', () => {
  it('is taken over with its tunnels, and none of them drops', async () => {
    await using machine = await TestMachine.open();
    const { edge, ports } = machine;
    const [target, targetPort] = await startEcho();
    const directory = `${machine.directory}/by-hand`;
    await mkdir(directory);
    const publicPort = await freePort();
    edge.tunnels = [edge.tunnel('web', `127.0.0.1:${targetPort}`, publicPort)];
    await edge.serveTunnels(ports.agent, ports.check);
    const withCheck = edge.dataToml(ports.check);
    const byHand = withCheck.replace(/\[client\.services\."check[^[]*/, '');
    await writeFile(`${directory}/client.toml`, byHand);
    const process_ = machine.handRun(['client.toml'], directory);
    await vi.waitFor(async () => expect(await exchange(publicPort, 'a')).toBe('a'));
    const stream = keepOpen(publicPort);

    const enrolled = await machine.enroll('--client-config', `${directory}/client.toml`);
    expect(enrolled).toMatchObject({ code: 0, err: '' });
    expect(await readFile(`${directory}/client.toml`, 'utf8')).toBe(byHand);
    await machine.run();
    const caller = machine.caller(ports.agent);
    await vi.waitFor(async () => {
      const { data, activeTunnels } = await caller.status();
      expect(data).toMatchObject({ pid: process_.pid, state: CONNECTED, restartNeeded: true });
      expect(activeTunnels).toBe(1);
    });
    expect(await readFile(`${directory}/client.toml`, 'utf8')).toBe(withCheck);
    await vi.waitFor(async () => {
      expect(await exchange(edge.ports.check, 'x'.repeat(32))).toBe('x'.repeat(32));
    });
    expect(await (await stream).say('still there')).toBe('still there');
    expect(readdirSync(directory).filter((name) => name.includes('.found-'))).toHaveLength(1);
    (await stream).end();
    target.close();
  });

  it('is left alone when taking it over would drop a tunnel', async () => {
    await using machine = await TestMachine.open();
    const { edge, ports } = machine;
    const path = `${machine.directory}/client.toml`;
    edge.tunnels = [edge.tunnel('web', '127.0.0.1:80', await freePort())];
    const good = edge.dataToml(ports.check);
    const bad = {
      heartbeat_timeout: good.replace('= 40', '= 50'),
      'knows no service "mine"': `${good}\n[client.services."mine"]\ntype = "tcp"\ntoken = "abcdefgh12345678abcdefgh12345678"\nlocal_addr = "127.0.0.1:1"\n`,
      'service "web" is another one': good.replace('127.0.0.1:80"', '127.0.0.1:81"'),
      'can not be taken over': '[server]\n',
    };
    for (const [reason, toml] of Object.entries(bad)) {
      await writeFile(path, toml);
      const { code, err } = await machine.enroll('--client-config', path);
      expect([code, err]).toEqual([2, expect.stringContaining(reason)]);
      expect(await readFile(path, 'utf8')).toBe(toml);
    }
    expect((await machine.command('run')).err).toContain('not enrolled');
  });
});

const isOther = (client: { pid: number; state: number } | undefined, pid: number) =>
  client?.state === CONNECTED && client.pid !== pid;

/** A pid of 0, which the agent reports where nothing runs, would reach the test's own group. */
function signal(pid: number, name: NodeJS.Signals): void {
  if (pid <= 1) throw new Error(`There is no process to send ${name} to`);
  process.kill(pid, name);
}

function clientsOf(directory: string): string[] {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
  return commands.filter((command) => command.includes(directory) && command.includes('rathole'));
}
