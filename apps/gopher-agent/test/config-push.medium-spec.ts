import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { status } from '@grpc/grpc-js';
import { ConfigState, type UpdateRatholeConfigResponse } from '@gopher/proto';
import { configSha256 } from '@gopher/rathole';
import { TestMachine } from './agent-process.js';
import type { AgentCaller } from './agent-caller.js';
import { exchange, startEcho } from './echo.js';
import { freePort } from '../../../test/product/free-port.js';

/** A real agent, real rathole on both sides. */
describe('pushes of the configuration', () => {
  let machine: TestMachine;
  let caller: AgentCaller;
  let target: Server;
  let targetPort: number;
  let revision = 1;

  beforeAll(async () => {
    machine = await TestMachine.running();
    caller = machine.caller();
    await vi.waitFor(() => caller.status(), { timeout: 10_000 });
    [target, targetPort] = await startEcho();
  });
  afterAll(async () => {
    target.close();
    await machine[Symbol.asyncDispose]();
  });

  it('opens a tunnel, says how its target is, and counts it', async () => {
    const publicPort = await freePort();
    machine.edge.tunnels = [machine.edge.tunnel('web', `127.0.0.1:${targetPort}`, publicPort)];
    const stream = caller.watch();
    const { targets, config } = await push();
    expect(targets).toMatchObject([{ service: 'web', accepts: true, detail: '' }]);
    expect(config).toMatchObject({ state: ConfigState.APPLIED, revision: BigInt(revision) });
    await stream.until('one active tunnel', ({ activeTunnels }) => activeTunnels === 1);
    expect(await exchange(publicPort, 'hello')).toBe('hello');
    stream.cancel();
  });

  it('says of a target that nobody listens there, of new targets only', async () => {
    const { edge } = machine;
    edge.tunnels = [...edge.tunnels, edge.tunnel('dead', '127.0.0.1:1', await freePort())];
    const { targets } = await push();
    expect(targets).toMatchObject([
      { service: 'dead', accepts: false, detail: 'nothing listens there', connectMs: 0 },
    ]);
    edge.tunnels = edge.tunnels.slice(0, 1);
    await push();
  });

  it('answers the check of the edge through the data client', async () => {
    const sent = 'x'.repeat(32);
    const received = await vi.waitFor(async () => {
      const answer = await exchange(machine.edge.ports.check, sent);
      expect(answer).not.toBe('');
      return answer;
    });
    expect(received).toBe(sent);
  });

  it('takes the same revision again, and refuses an older or another one of that number', async () => {
    const before = await file();
    await expect(send({ revision: BigInt(revision) })).resolves.toMatchObject({ targets: [] });
    const failed = { code: status.FAILED_PRECONDITION };
    await expect(send({ revision: BigInt(revision - 1) })).rejects.toMatchObject(failed);
    const other = machine.edge.dataToml(machine.ports.check).replace('= 40', '= 41');
    const sha256 = configSha256(other);
    const again = send({ revision: BigInt(revision), toml: other, sha256 });
    await expect(again).rejects.toMatchObject(failed);
    expect(await file()).toBe(before);
  });

  it('refuses what rathole could not run, what is damaged, and its own ports', async () => {
    const before = await file();
    const next = BigInt(revision + 1);
    const own = before.replace(`127.0.0.1:${targetPort}`, `localhost:${machine.ports.agent}`);
    const bad = [
      { revision: next, sha256: 'a'.repeat(64) },
      { revision: next, ...signed('[client]\nremote_addr = "x:1"\n') },
      { revision: next, ...signed(`${before}\n[client.services."web"]\nlocal_addr="a:1"\n`) },
      { revision: next, ...signed(own) },
      { revision: 0n },
      { revision: next, confirmWithinSeconds: 601 },
    ];
    for (const request of bad) {
      await expect(send(request)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    }
    expect(await file()).toBe(before);
    expect(await caller.status()).toMatchObject({ config: { state: ConfigState.APPLIED } });
  });

  it('never quotes a token in a refusal', async () => {
    const token = machine.edge.tokenOf('web');
    const broken = (await file()).replace(`"${token}"`, `"${token}`);
    const error = await send({ revision: BigInt(revision + 1), ...signed(broken) }).catch(String);
    expect(error).toContain('line');
    expect(error).not.toContain(token);
    expect(machine.log.join()).not.toContain(token);
  });

  it('takes pushes that come at once one after the other', async () => {
    const pushes = [3, 1, 2].map((step) => send({ revision: BigInt(revision + step) }));
    const results = await Promise.allSettled(pushes);
    revision += 3;
    expect(results.map(({ status: outcome }) => outcome)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect((await caller.status()).config?.revision).toBe(BigInt(revision));
  });

  it('repairs a file that was removed, says so first, and no tunnel notices', async () => {
    const stream = caller.watch();
    await stream.until('the first', () => true);
    const before = await file();
    await rm(path());
    const drifted = await stream.until('drift', ({ config }) => isDrifted(config?.state));
    expect(drifted.config?.detail).toContain('was removed');
    const from = stream.seen.length - 1;
    const repaired = await stream.until(
      'repair',
      ({ config }) => config?.state === ConfigState.APPLIED,
      from,
    );
    expect(repaired.config?.detail).toMatch(/was removed; repaired at 20/);
    expect(await file()).toBe(before);
    await expectTunnel();
    stream.cancel();
  });

  it('keeps what someone wrote into the file, five times at most, and repairs it', async () => {
    const before = await file();
    for (let edit = 0; edit < 7; edit++) {
      await writeFile(path(), `# edit ${edit}\n`);
      await vi.waitFor(async () => expect(await file()).toBe(before), { timeout: 5_000 });
    }
    const directory = machine.file('rathole');
    const found = (await readdir(directory)).filter((name) => name.includes('.found-')).sort();
    expect(found).toHaveLength(5);
    expect(await readFile(`${directory}/${found[4]}`, 'utf8')).toBe('# edit 6\n');
    await expectTunnel();
  });

  it('comes back from a directory that vanished, and the next push still reaches rathole', async () => {
    await rename(machine.file('rathole'), machine.file('gone'));
    await vi.waitFor(() => expect(existsSync(path())).toBe(true), { timeout: 10_000 });
    const { edge } = machine;
    const publicPort = await freePort();
    edge.tunnels = [...edge.tunnels, edge.tunnel('later', `127.0.0.1:${targetPort}`, publicPort)];
    await push();
    await vi.waitFor(async () => expect(await exchange(publicPort, 'hi')).toBe('hi'), {
      timeout: 10_000,
    });
  });

  it('finds at its start what was changed while it was away', async () => {
    const before = await file();
    await machine.kill('SIGKILL');
    await writeFile(path(), '# someone was here\n');
    await machine.run();
    expect(await file()).toBe(before);
    const { config } = await machine.caller(machine.ports.agent).status();
    expect(config).toMatchObject({ state: ConfigState.APPLIED });
    expect(config?.detail).toContain('was changed by someone else');
  });

  it('keeps the file to its owner', async () => {
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect((await stat(machine.stateDir)).mode & 0o777).toBe(0o700);
  });

  const path = () => machine.file('rathole', 'data.toml');
  const file = () => readFile(path(), 'utf8');
  const isDrifted = (state: ConfigState | undefined) => state === ConfigState.DRIFTED;
  const signed = (toml: string) => ({ toml, sha256: configSha256(toml) });

  function send(change: object): Promise<UpdateRatholeConfigResponse> {
    const config = machine.edge.dataConfig(machine.ports.check, 0);
    return caller.call('updateRatholeConfig', { ...config, confirmWithinSeconds: 0, ...change });
  }

  function push(): Promise<UpdateRatholeConfigResponse> {
    revision += 1;
    return machine.push(caller, revision) as Promise<UpdateRatholeConfigResponse>;
  }

  async function expectTunnel(): Promise<void> {
    const port = machine.edge.tunnels[0]?.publicPort ?? 0;
    expect(await exchange(port, 'still here')).toBe('still here');
  }
});

const isRoot = process.getuid?.() === 0;
if (isRoot) console.warn('Skipped: a directory without permission, since root may write anywhere');
else console.warn('Skipped: a full disk, since only root can mount a small one');

/** A real file system that is too small; only root can mount one. */
describe.skipIf(!isRoot)('a full disk', () => {
  it('refuses the push, changes nothing, and takes it when there is room again', async () => {
    await using machine = await TestMachine.open();
    const mounted = machine.file('rathole');
    await mkdir(mounted, { recursive: true, mode: 0o700 });
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', mounted]);
    expect(String(mount.stderr)).toBe('');
    try {
      const { edge, ports } = machine;
      await edge.serveTunnels(ports.agent, ports.check);
      expect(await machine.enroll()).toMatchObject({ code: 0 });
      await machine.run();
      const caller = machine.caller(ports.agent);
      const before = await readFile(machine.file('rathole', 'data.toml'), 'utf8');
      await writeFile(`${mounted}/filler`, Buffer.alloc(200_000)).catch(() => {});
      edge.tunnels = [edge.tunnel('web', '127.0.0.1:80', await freePort())];
      const refused = machine.push(caller, 2);
      await expect(refused).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
      await expect(refused).rejects.toThrow(/[Nn]o room on the disk/);
      expect(await readFile(machine.file('rathole', 'data.toml'), 'utf8')).toBe(before);
      expect((await caller.status()).config?.revision).toBe(1n);
      await rm(`${mounted}/filler`);
      await expect(machine.push(caller, 2)).resolves.toMatchObject({ config: { revision: 2n } });
      await machine.kill('SIGTERM');
      await machine.command('stop-clients');
    } finally {
      spawnSync('umount', ['-l', mounted]);
    }
  });
});

/** Root may write everywhere, so a directory that nobody can write to is made of another kind. */
describe.skipIf(isRoot)('a directory without permission', () => {
  it('refuses the push and says which user may not write', async () => {
    await using machine = await TestMachine.running();
    const caller = machine.caller(machine.ports.agent);
    await chmod(machine.file('rathole'), 0o500);
    try {
      const refused = machine.push(caller, 2);
      await expect(refused).rejects.toMatchObject({ code: status.INTERNAL });
      await expect(refused).rejects.toThrow(/permission denied for user id/);
    } finally {
      await chmod(machine.file('rathole'), 0o700);
    }
  });
});
