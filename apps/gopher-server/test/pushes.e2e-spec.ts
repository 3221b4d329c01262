import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  IdleConnection,
  refuses,
  serves,
  TcpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
} from '../../../test/product/index.js';

interface Revision {
  number: number;
  outcome: string;
  cause: string;
  reason: string | null;
}

interface Told {
  health: string;
  revision: { state: string; reason: string | null; differences: string[] };
  rathole: { found: { keptAs: string; lines: string[]; services: { name: string }[] } | null };
}

/** From the call on, at which the edge is killed: a push takes some 100 ms. */
const KILLED_AFTER_MS = [0, 10, 20, 35, 50, 65, 80, 100, 130, 170];
const TUNNELS = 100;

describe('a push', () => {
  const stack = new AsyncDisposableStack();
  let edge: TestEdge;
  let machine: TestMachine;
  let target: TcpTarget;
  let old: TunnelView;
  let idle: IdleConnection;
  let policy: string;

  beforeAll(async () => {
    edge = await TestEdge.start();
    stack.defer(() => edge.stop());
    policy = join(edge.directory, 'policy.toml');
    machine = await TestMachine.join(edge, 'attic', { GOPHER_AGENT_POLICY: policy });
    stack.defer(() => machine.stop());
    target = await TcpTarget.listen(edge.ports.next());
    stack.defer(() => target.stop());
    old = await edge.publish(machine.id, target.address);
    idle = await IdleConnection.open(old.address);
  });

  /** None of all this ends a connection of a tunnel that it does not concern. */
  afterEach(async () => {
    if ((await idle.echo('still here')) !== 'still here') throw new Error('other bytes came back');
    await serves(old.address);
  });

  afterAll(() => stack.disposeAsync());

  const add = () => edge.createTunnel({ machineId: machine.id, target: target.address });
  const remove = ({ id }: TunnelView) => edge.api('DELETE', `/tunnels/${id}`);
  const status = () => edge.status<Told>(machine.id);
  const revisions = async () =>
    (await edge.api<{ items: Revision[] }>('GET', `/machines/${machine.id}/revisions?limit=100`))
      .items;

  const inSync = () =>
    until('the machine has what it should, confirmed', async () => {
      const { revision } = await status();
      if (revision.state !== 'in-sync') throw new Error(`${revision.state}: ${revision.reason}`);
      return true;
    });

  it('is made good at whatever moment the edge is killed', async () => {
    for (const ms of KILLED_AFTER_MS) {
      const creating = add();
      await new Promise((resolve) => setTimeout(resolve, ms));
      await Promise.all([edge.endServer('SIGKILL'), creating.catch(() => {})]);
      expect(await serves(old.address)).toBe(true);
      await edge.startServer();
      await inSync();
    }
    const { items } = await edge.api<{ items: TunnelView[] }>('GET', '/tunnels?limit=100');
    expect(items.length).toBeGreaterThan(1);
    for (const { address } of items) await until('bytes pass', () => serves(address));
    const all = await revisions();
    expect(all[0]).toMatchObject({ outcome: 'applied' });
    expect(all.filter(({ outcome }) => ['applying', 'pending'].includes(outcome))).toEqual([]);
    for (const tunnel of items) if (tunnel.id !== old.id) await remove(tunnel);
    await inSync();
  });

  it('of 100 tunnels at once is a matter of few revisions, and all serve', async ({ annotate }) => {
    const before = (await revisions())[0]!.number;
    const began = performance.now();
    const tunnels = await Promise.all(Array.from({ length: TUNNELS }, add));
    await Promise.all(tunnels.map(({ address }) => until('bytes pass', () => serves(address))));
    const ms = Math.round(performance.now() - began);
    await inSync();
    const made = (await revisions())[0]!.number - before;
    await annotate(`${made} revisions, all served after ${ms} ms`);
    expect(made).toBeLessThan(TUNNELS / 2);
    for (const tunnel of tunnels) await remove(tunnel);
    await inSync();
    for (const { address } of tunnels) expect(await refuses(address)).toBe(true);
  });

  it('repairs a file that someone edited, shows what was in it, and takes a service over', async () => {
    const file = join(machine.stateDir, 'rathole/data.toml');
    const generated = readFileSync(file, 'utf8');
    appendFileSync(
      file,
      `\n[client.services."mine"]\ntoken = "of-my-own"\nlocal_addr = "${target.address}"\n`,
    );
    await until('it is repaired', () => readFileSync(file, 'utf8') === generated);
    const { rathole } = await until('it is told', async () => {
      const told = await status();
      return told.rathole.found && told;
    });
    expect(rathole.found!.services).toMatchObject([{ name: 'mine' }]);
    expect(rathole.found!.lines.join('\n')).not.toContain('of-my-own');
    expect(readFileSync(rathole.found!.keptAs, 'utf8')).toContain('of-my-own');
    const path = `/machines/${machine.id}/found/mine/tunnel`;
    const taken = await edge.api<TunnelView>('POST', path);
    await until('bytes pass', () => serves(taken.address));
    await remove(taken);
    await inSync();
  });

  it('that the owner of the machine does not allow is refused, with the file and the rule', async () => {
    writeFileSync(policy, 'preset = "local"\n');
    const refused = await edge.createTunnel({ machineId: machine.id, target: '192.168.77.5:80' });
    const { revision } = await until('it is refused', async () => {
      const told = await status();
      return told.revision.state === 'refused' && told;
    });
    expect(revision.reason).toContain(policy);
    expect(revision.reason).toContain('192.168.77.5:80');
    const tunnel = await until('the tunnel says so', async () => {
      const found = await edge.api<TunnelView>('GET', `/tunnels/${refused.id}`);
      return found.state === 'failed' && found;
    });
    expect(tunnel.reason).toMatch(/refused/);
    await remove(refused);
    await inSync();
    rmSync(policy);
  });

  it('that the owner of the machine comes to allow is taken without another change', async () => {
    writeFileSync(policy, '[[allow]]\nhosts = ["127.0.0.1"]\nports = [1]\n');
    const tunnel = await edge.createTunnel({
      machineId: machine.id,
      target: target.address,
    });
    await until('it is refused', async () => (await status()).revision.state === 'refused');
    writeFileSync(policy, 'preset = "local"\n');
    await until('bytes pass', () => serves(tunnel.address));
    await inSync();
    await remove(tunnel);
    await inSync();
    rmSync(policy);
  });

  it('rolls a machine back to what it had, under a new number', async () => {
    const [before] = await revisions();
    const further = await add();
    await edge.activeTunnel(further.id);
    await inSync();
    const path = `/machines/${machine.id}/revisions/${before!.number}/rollback`;
    expect((await edge.call('POST', `${path}?dryRun=true`)).status).toBe(202);
    expect(await serves(further.address)).toBe(true);
    expect((await edge.call('POST', path)).status).toBe(202);
    await until('it is closed', () => refuses(further.address));
    await inSync();
    const [after] = await revisions();
    expect(after!.number).toBeGreaterThan(before!.number + 1);
    expect(after!.cause).toContain(String(before!.number));
  });

  it('from a database that was restored has a number above all that the agent had', async () => {
    const copy = join(edge.directory, 'db-copy');
    const pidFile = join(edge.databaseDir, 'data/postmaster.pid');
    const pause = async () => {
      await edge.endServer('SIGTERM');
      process.kill(edge.enginePid('postgres'), 'SIGINT');
      await until('PostgreSQL has ended', () => !existsSync(pidFile));
    };
    // With its owner, who as root is another user.
    const keep = (from: string, to: string) => execFileSync('cp', ['-a', from, to]);
    await pause();
    keep(edge.databaseDir, copy);
    await edge.startServer();
    for (let i = 0; i < 3; i += 1) {
      const tunnel = await add();
      await edge.activeTunnel(tunnel.id);
      await remove(tunnel);
      await inSync();
    }
    const highest = (await revisions())[0]!.number;
    await pause();
    rmSync(edge.databaseDir, { recursive: true });
    keep(copy, edge.databaseDir);
    await edge.startServer();
    await machine.untilUp();
    const tunnel = await add();
    await until('bytes pass', () => serves(tunnel.address));
    await inSync();
    expect((await revisions())[0]!.number).toBeGreaterThan(highest);
  });
});
