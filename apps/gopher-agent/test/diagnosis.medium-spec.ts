import { spawnSync } from 'node:child_process';
import { appendFile, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { causeOf } from '@gopher/diagnosis';
import { procState } from '@gopher/host';
import { Application } from '@gopher/proto';
import { configSha256 } from '@gopher/rathole';
import { freePort } from '../../../test/product/free-port.js';
import { FAKETIME } from '../../../test/product/libfaketime.js';
import { ratholePath, releasedRathole } from '../../../test/product/rathole.js';
import { until } from '../../../test/product/until.js';
import { askedReport, type Report, SilentPort, withoutHost } from './diagnosis-fixture.js';
import { startEcho } from './echo.js';
import type { Tunnel } from './fake-edge.js';
import { PushFixture } from './push-fixture.js';

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('Skipped: full disks, since only root can mount small ones');
const released = releasedRathole();
if (!released) console.warn('Skipped: a released rathole: npm run rathole -- --released');
if (!FAKETIME) console.warn('Skipped: an agent with a wrong clock: apt install faketime');

const failing = ({ checks }: Report) => checks.filter(({ outcome }) => outcome === 'fail');

/** The agent as it is shipped, and real rathole on both sides. */
const open = (rathole?: string, prepare: (fixture: PushFixture['machine']) => unknown = () => {}) =>
  PushFixture.open(rathole, async (machine) => {
    machine.useBundle();
    await prepare(machine);
  });

describe('the diagnosis that the edge asks for', () => {
  let fixture: PushFixture;
  let tunnels: Tunnel[];

  beforeAll(async () => {
    fixture = await open();
    ({ tunnels } = fixture.machine.edge);
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  /** Whatever a test broke and did not put right, since it failed. */
  afterEach(async () => {
    const { edge, ports, policyFile } = fixture.machine;
    edge.tunnels = tunnels;
    await edge.serveTunnels(ports.agent, ports.check);
    await rm(policyFile, { force: true });
  });

  const report = (request = {}) => askedReport(fixture.caller, request);

  beforeEach(async () => {
    await fixture.push(fixture.toml('web'), 0);
    await fixture.serving(fixture.web);
    await until('nothing fails', async () => failing(await report()).length === 0, 10_000);
  });

  it('finds nothing wrong where all is well, and measures', async () => {
    const expectedSha256 = configSha256(fixture.toml('web'));
    const web = { service: 'web', application: Application.UNSPECIFIED };
    const { checks, took } = await report({ expectedSha256, targets: [web] });
    expect(causeOf(withoutHost({ checks, cause: null, took }))).toBeNull();
    const of = (id: string) => checks.filter((check) => check.id === id);
    expect(of('control-port-reachable')[0]?.measured?.unit).toBe('ms');
    expect(of('target-accepts')).toMatchObject([{ outcome: 'pass', subject: 'web' }]);
    expect(of('config-expected')).toMatchObject([{ outcome: 'pass' }]);
    expect(of('certificate')).toMatchObject([{ measured: { value: 89, unit: 'days' } }]);
    expect(of('clock')).toMatchObject([{ outcome: 'pass' }]);
    expect(of('disk')[0]?.measured?.value).toBeGreaterThan(0);
    expect(took).toBeLessThan(2_000);
  });

  it('names a name of the edge that is wrong', async () => {
    const { edge } = fixture.machine;
    const toml = fixture
      .toml('web')
      .replace('127.0.0.1:' + edge.ports.control, 'edge.invalid:2333');
    await fixture.push(toml, 0);
    const { cause, took } = await report();
    expect(cause).toMatchObject({ id: 'edge-name-resolves', subject: 'edge.invalid' });
    expect(cause?.advice).toContain('getent ahosts edge.invalid');
    expect(took).toBeLessThan(5_000);
  });

  it('names a control port that nobody answers at', async () => {
    const { edge } = fixture.machine;
    await edge.stopRathole();
    {
      await using _silent = await SilentPort.open(edge.ports.control);
      const { cause, took } = await report();
      expect(cause).toMatchObject({ id: 'control-port-reachable', outcome: 'fail' });
      expect(cause?.meaning).toMatch(/Nothing answers at .* within 1500 ms: the port is filtered/);
      expect(took).toBeLessThan(5_000);
    }
    const { cause } = await report();
    expect(cause?.meaning).toMatch(/The edge's host answers, but nothing listens at/);
  });

  it('names a client that is frozen', async () => {
    for (const name of ['data', 'control'] as const) {
      const pid = fixture.machine.clientPid(name);
      process.kill(pid, 'SIGSTOP');
      await until('it is stopped', () => procState(pid) === 'T');
      const { cause } = await report();
      process.kill(pid, 'SIGCONT');
      expect(cause).toMatchObject({
        id: `${name}-client`,
        advice: `Let it go on: kill -CONT ${pid}`,
      });
    }
  });

  it('names a data client that is connected and does not get its tunnels', async () => {
    const { edge, ports } = fixture.machine;
    edge.tunnels = [];
    await edge.serveTunnels(ports.agent, ports.check);
    const cause = await until('the client complains', async () => (await report()).cause);
    expect(cause).toMatchObject({ id: 'data-client', outcome: 'fail' });
    expect(cause.meaning).toContain('these of its tunnels are not established: web');
  });

  it('tells a target that is down from one that does not answer, and says who listens', async () => {
    const dead = await freePort();
    const [echo, alive] = await startEcho();
    await fixture.push(targetOfMore(dead), 0);
    const down = await report();
    expect(down.cause).toMatchObject({ id: 'target-accepts', subject: 'more' });
    expect(down.cause?.meaning).toMatch(`Nothing listens on 127.0.0.1:${dead}; something does on`);
    expect(down.checks).toContainEqual(
      expect.objectContaining({ id: 'target-accepts', subject: 'web', outcome: 'pass' }),
    );

    // Another port than the one that was meant.
    const beside = alive + 1;
    await fixture.push(targetOfMore(beside), 0);
    const wrong = await report();
    expect(wrong.cause).toMatchObject({ id: 'target-accepts', subject: 'more' });
    expect(wrong.cause?.meaning).toMatch(
      new RegExp(`Nothing listens on 127.0.0.1:${beside}; something does on .*\\b${alive}\\b`),
    );
    echo.close();

    await using _silent = await SilentPort.open(dead);
    await fixture.push(targetOfMore(dead), 0);
    const silent = await report();
    expect(silent.cause).toMatchObject({ id: 'target-accepts', subject: 'more' });
    expect(silent.cause?.meaning).toContain(`127.0.0.1 does not answer on port ${dead}`);
  });

  const targetOfMore = (port: number): string => {
    const more = fixture.machine.edge.tunnels.find(({ name }) => name === 'more');
    return fixture.toml('web', 'more').replace(more!.localAddr, `127.0.0.1:${port}`);
  };

  it('names a target that accepts and does not say what it is declared to say', async () => {
    const silent: Server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    await fixture.push(targetOfMore(port), 0);
    const undeclared = await report();
    expect(failing(undeclared)).toEqual([]);
    const targets = [{ service: 'more', application: Application.BANNER }];
    const { cause } = await report({ targets });
    expect(cause).toMatchObject({ id: 'target-speaks', subject: 'more', outcome: 'fail' });
    expect(cause?.meaning).toContain('says nothing for 1000 ms');
    silent.close();
  });

  it('names a configuration that is not the one the edge expects', async () => {
    const { cause } = await report({ expectedSha256: configSha256(fixture.toml('web', 'more')) });
    expect(cause).toMatchObject({ id: 'config-expected', subject: 'data' });
  });

  it('names the policy, for what runs and for what was refused', async () => {
    const { policyFile } = fixture.machine;
    await writeFile(policyFile, '[[allow]]\nhosts = ["192.168.7.7"]\n');
    const running = await report();
    expect(running.cause).toMatchObject({ id: 'policy', subject: 'web' });
    expect(running.cause?.meaning).toContain(`${policyFile}, line 1`);

    await writeFile(policyFile, 'preset = "lan"\n');
    const toml = targetOfMore(80).replace('127.0.0.1:80', '203.0.113.7:80');
    await expect(fixture.push(toml, 0)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    const refused = await report({ expectedSha256: configSha256(toml) });
    expect(refused.cause).toMatchObject({ id: 'policy' });
    expect(refused.cause?.meaning).toContain('The service "more" leads to 203.0.113.7:80');

    await writeFile(policyFile, 'hosts = 5\n');
    expect((await report()).cause?.meaning).toContain('The policy of this machine can not be read');
  });

  it('names a clock that is wrong', async () => {
    const ahead = (seconds: number) => new Date(Date.now() + seconds * 1_000);
    expect((await report({ edgeTime: ahead(-90) })).cause).toMatchObject({
      id: 'clock',
      outcome: 'fail',
      measured: { value: -90, unit: 's' },
    });
    const { checks } = await report({ edgeTime: ahead(30) });
    expect(checks).toContainEqual(expect.objectContaining({ id: 'clock', outcome: 'warn' }));
    const unknown = await report({ edgeTime: undefined });
    expect(unknown.checks).toContainEqual(
      expect.objectContaining({ id: 'clock', outcome: 'skip' }),
    );
  });

  it('names an edited file, before and after it was repaired', async () => {
    await appendFile(fixture.machine.file('rathole', 'data.toml'), '# by hand\n');
    const edited = await report();
    expect(edited.cause).toMatchObject({ id: 'config-unedited', subject: 'data', outcome: 'fail' });
    expect(edited.cause?.meaning).toContain('with: # by hand');
    await until(
      'it is repaired',
      async () => (await fixture.file()) === fixture.toml('web'),
      5_000,
    );
    await vi.waitFor(async () => expect(failing(await report())).toEqual([]));
    const repaired = causeOf(withoutHost(await report()));
    expect(repaired).toMatchObject({ id: 'config-unedited', subject: 'data', outcome: 'warn' });
  });

  it('refuses what it does not understand, and too much at a time', async () => {
    const invalid = { code: status.INVALID_ARGUMENT };
    await expect(report({ expectedSha256: 'abc' })).rejects.toMatchObject(invalid);
    const targets = Array.from({ length: 1_001 }, (_, i) => ({ service: `s${i}`, application: 1 }));
    await expect(report({ targets })).rejects.toMatchObject(invalid);
    const many = await Promise.allSettled(Array.from({ length: 12 }, () => report()));
    const refused = many.filter((one) => one.status === 'rejected');
    expect(refused).toHaveLength(8);
    expect(refused[0]?.reason).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(failing(await report())).toEqual([]);
  });
});

describe('the diagnosis of a data client that can not be started', () => {
  it('names it', async () => {
    await using fixture = await open(undefined, async (machine) => {
      const copy = `${machine.directory}/rathole`;
      await copyFile(await ratholePath(), copy);
      machine.useRathole(copy);
    });
    expect(failing(await askedReport(fixture.caller))).toEqual([]);
    await rm(`${fixture.machine.directory}/rathole`);
    process.kill(fixture.machine.clientPid('data'), 'SIGKILL');
    const cause = await until('it is seen', async () => (await askedReport(fixture.caller)).cause);
    expect(cause).toMatchObject({ id: 'data-client', outcome: 'fail', subject: 'data' });
    expect(cause.meaning).toContain('does not run');
  });
});

describe.skipIf(!isRoot)('the diagnosis of a full disk', () => {
  it.each(['disk', 'inodes'])('names it: %s', async (id) => {
    const mountedAt: string[] = [];
    const fixture = await open(undefined, async (machine) => {
      await mkdir(machine.stateDir, { recursive: true });
      const options = 'size=24m,nr_inodes=200,mode=700';
      const mount = ['-t', 'tmpfs', '-o', options, 'tmpfs', machine.stateDir];
      expect(String(spawnSync('mount', mount).stderr)).toBe('');
      mountedAt.push(machine.stateDir);
    });
    try {
      expect(failing(await askedReport(fixture.caller))).toEqual([]);
      await (id === 'disk' ? fillBytes : fillInodes)(fixture.machine.stateDir);
      const { cause } = await askedReport(fixture.caller);
      expect(cause).toMatchObject({ id, outcome: 'fail', subject: fixture.machine.stateDir });
    } finally {
      await fixture.machine.kill('SIGTERM');
      await fixture.machine.command('stop-clients');
      for (const directory of mountedAt) spawnSync('umount', ['-l', directory]);
      await fixture[Symbol.asyncDispose]();
    }
  });

  const fillBytes = (directory: string) =>
    writeFile(`${directory}/filler`, Buffer.alloc(30_000_000)).catch(() => {});
  const fillInodes = async (directory: string) => {
    for (let i = 0; i < 200; i += 1) await writeFile(`${directory}/${i}`, '').catch(() => {});
  };
});

describe.skipIf(!released)('the diagnosis of a released rathole', () => {
  it('names it', async () => {
    await using fixture = await open(released!);
    const report = await askedReport(fixture.caller);
    expect(failing(report)).toEqual([]);
    const cause = causeOf(withoutHost(report));
    expect(cause).toMatchObject({ id: 'rathole-capabilities', outcome: 'warn' });
    expect(cause?.meaning).toContain('rathole 0.5.0 is the released one');
  });
});

describe.skipIf(!FAKETIME)('the diagnosis of an agent with a wrong clock', () => {
  it('names the clock', async () => {
    await using fixture = await open();
    expect(failing(await askedReport(fixture.caller))).toEqual([]);
    const { machine } = fixture;
    await machine.kill('SIGTERM');
    machine.also({ LD_PRELOAD: FAKETIME!, FAKETIME: '+3h', FAKETIME_DONT_FAKE_MONOTONIC: '1' });
    await fixture.restartAgent();
    const { cause } = await askedReport(fixture.caller);
    expect(cause).toMatchObject({ id: 'clock', outcome: 'fail', measured: { value: -10_800 } });
    expect(cause?.meaning).toContain("The clock of this machine is 3 h ahead of the edge's");
  });
});
