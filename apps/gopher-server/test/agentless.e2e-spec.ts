import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  changeDatabase,
  HandRunClient,
  IdleConnection,
  listens,
  type MachineView,
  refuses,
  serves,
  TcpDownload,
  TcpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
} from '../../../test/product/index.js';

interface SecretToken {
  token: string;
  command: string;
}

interface Told {
  health: string;
  reasons: string[];
  agent: { status: string } | null;
  rathole: { data: { pid: number; restarts: number } | null } | null;
  system: object | null;
  dataPath: { serves: boolean } | null;
  tunnels: { total: number; active: number; pending: number; failed: number };
}

interface Fetched {
  status: number;
  type: string | null;
  text: string;
}

const CLOSED_WITHIN_MS = 2_000;
/** The longest pause in a download that may happen to a busy test host. */
const LONGEST_GAP_MS = 2_000;

describe('a machine without an agent', () => {
  const stack = new AsyncDisposableStack();
  let edge: TestEdge;

  beforeAll(async () => {
    edge = await TestEdge.start();
    stack.defer(() => edge.stop());
  });

  afterAll(() => stack.disposeAsync());

  const configToken = async (machineId: string): Promise<string> =>
    (await edge.api<SecretToken>('POST', `/machines/${machineId}/client-config-tokens`)).token;

  /** As the command does that the edge gives out, with that token alone. */
  const fetchConfig = async (machineId: string, token: string | null): Promise<Fetched> => {
    const response = await fetch(`${edge.url}/api/v1/machines/${machineId}/client.toml`, {
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
    });
    const type = response.headers.get('content-type');
    return { status: response.status, type, text: await response.text() };
  };

  describe('gets its client.toml', () => {
    let machine: MachineView;
    let other: MachineView & { join: SecretToken };

    beforeAll(async () => {
      machine = await edge.createMachine('vault');
      other = await edge.createMachine('cabin');
    });

    const refused = async (token: string | null, problem: string) => {
      const answer = await fetchConfig(machine.id, token);
      expect(answer.status).toBe(401);
      expect(answer.type).toMatch(/^application\/problem\+json/);
      expect(JSON.parse(answer.text)).toMatchObject({
        type: `urn:gopher:problem:${problem}`,
        detail: expect.stringMatching(/token/) as string,
      });
    };

    it('for a token, once', async () => {
      const token = await configToken(machine.id);
      const { status, type, text } = await fetchConfig(machine.id, token);
      expect(status).toBe(200);
      expect(type).toMatch(/^application\/toml/);
      expect(text).toContain('[client.services]');
      await refused(token, 'token-used');
    });

    it('once, also for many who come at the same moment', async () => {
      const token = await configToken(machine.id);
      const all = await Promise.all(
        Array.from({ length: 8 }, () => fetchConfig(machine.id, token)),
      );
      expect(all.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
        200,
        ...Array<number>(7).fill(401),
      ]);
    });

    it('not for the token of another machine, which that one can still use', async () => {
      const token = await configToken(other.id);
      await refused(token, 'token-unknown');
      expect((await fetchConfig(other.id, token)).status).toBe(200);
    });

    it('not for a token of another purpose, nor for a damaged one or none', async () => {
      const { token: joinToken } = await edge.api<SecretToken>(
        'POST',
        `/machines/${machine.id}/join-tokens`,
      );
      await refused(joinToken, 'token-unknown');
      await refused(edge.token, 'token-unknown');
      const token = await configToken(machine.id);
      await refused(
        token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
        'token-unknown',
      );
      await refused(null, 'token-unknown');
      expect((await fetchConfig(machine.id, token)).status).toBe(200);
    });

    it('not for a token that has expired', async () => {
      const token = await configToken(machine.id);
      const [id] = token.split('.');
      const expire = `UPDATE join_token SET expires_at = now() - interval '1 s' WHERE id = $1`;
      expect(await changeDatabase(edge, expire, [id])).toBe(1);
      await refused(token, 'token-expired');
    });

    it('and nobody joins with its token', async () => {
      const token = await configToken(other.id);
      const command = other.join.command.replace(other.join.token, token);
      const joining = TestMachine.of(edge, other).enrol(command);
      await expect(joining).rejects.toThrow(/token/);
      expect((await edge.status<Told>(other.id)).agent).toBeNull();
    });

    it('also when a whole fleet asks at once', async () => {
      const fleet = await Promise.all(
        Array.from({ length: 24 }, async (_, i) => {
          const { id } = await edge.createMachine(`fleet-${i}`);
          return { id, token: await configToken(id) };
        }),
      );
      const all = await Promise.all(fleet.map(({ id, token }) => fetchConfig(id, token)));
      expect(all.map(({ status }) => status)).toEqual(Array(24).fill(200));
    });
  });

  /** One story: each part begins where the one before it ended. */
  describe('carries tunnels', () => {
    const NOT_KNOWN = { agent: null, rathole: null, system: null, dataPath: null };
    let machine: MachineView;
    let target: TcpTarget;
    let client: HandRunClient;
    let first: TunnelView;

    beforeAll(async () => {
      machine = await edge.createMachine('bare');
      target = await TcpTarget.listen(edge.ports.next());
      stack.defer(() => target.stop());
      client = new HandRunClient(join(edge.directory, 'by-hand'));
      stack.defer(() => client.kill());
    });

    const addTunnel = () => edge.createTunnel({ machineId: machine.id, target: target.address });

    const fetchByHand = async () => {
      const { status, text } = await fetchConfig(machine.id, await configToken(machine.id));
      expect(status).toBe(200);
      await client.write(text);
    };

    const untilPending = ({ id }: TunnelView) =>
      until('the tunnel was looked at', async () => {
        const { state, reason } = await edge.api<TunnelView>('GET', `/tunnels/${id}`);
        expect(state).toBe('pending');
        return /no agent, so its client\.toml has to be fetched there again/.test(reason ?? '');
      });

    it('which wait to be fetched, and its status says what can be known', async () => {
      expect(await edge.status<Told>(machine.id)).toMatchObject({
        ...NOT_KNOWN,
        health: 'unknown',
        reasons: ['No agent and no tunnel yet'],
      });
      first = await addTunnel();
      await untilPending(first);
      expect(await refuses(first.address)).toBe(true);
      expect(await edge.status<Told>(machine.id)).toMatchObject({
        ...NOT_KNOWN,
        health: 'unknown',
        reasons: ['1 of 1 tunnels wait'],
        tunnels: { total: 1, active: 0, pending: 1, failed: 0 },
      });
      const view = await edge.api<MachineView>('GET', `/machines/${machine.id}`);
      expect(view).toMatchObject({ agentAddr: null, agentStatus: null, health: 'unknown' });
    });

    it('which serve once rathole runs by hand', async () => {
      await fetchByHand();
      await client.start();
      await until('bytes pass the tunnel', () => serves(first.address));
      await edge.activeTunnel(first.id);
      expect(await edge.status<Told>(machine.id)).toMatchObject({
        ...NOT_KNOWN,
        health: 'healthy',
        reasons: [],
        tunnels: { total: 1, active: 1, pending: 0, failed: 0 },
      });
    });

    it('and a new one waits until the file is fetched again, and no longer', async () => {
      const { pid } = client;
      const second = await addTunnel();
      await untilPending(second);
      expect(await refuses(second.address)).toBe(true);
      expect(await edge.status<Told>(machine.id)).toMatchObject({
        ...NOT_KNOWN,
        health: 'unknown',
        reasons: ['1 of 2 tunnels wait'],
        tunnels: { active: 1, pending: 1 },
      });
      await fetchByHand();
      await until('bytes pass the second tunnel', () => serves(second.address));
      await edge.activeTunnel(second.id);
      expect(await serves(first.address)).toBe(true);
      expect(client.pid).toBe(pid);
      expect((await edge.status<Told>(machine.id)).health).toBe('healthy');
    });

    it('which are known to be down while its rathole is away, and up once it is back', async () => {
      await client.kill();
      await until('visitors are refused', () => refuses(first.address));
      const told = await until('the tunnel has failed', async () => {
        const tunnel = await edge.api<TunnelView>('GET', `/tunnels/${first.id}`);
        return tunnel.state === 'failed' && tunnel;
      });
      expect(told).toMatchObject({
        leg: 'rathole→machine',
        reason: expect.stringMatching(/client is not connected/) as string,
      });
      expect((await edge.status<Told>(machine.id)).health).toBe('down');
      await client.start();
      await edge.activeTunnel(first.id);
      await until('all of them are up', async () => {
        return (await edge.status<Told>(machine.id)).health === 'healthy';
      });
    });

    it('whose ports refuse once they are removed, the last one of the whole edge too', async () => {
      const { pid } = client;
      const tunnels = await edge.api<{ items: TunnelView[] }>('GET', '/tunnels');
      for (const { id, address } of tunnels.items.reverse()) {
        const begun = performance.now();
        await edge.api('DELETE', `/tunnels/${id}`);
        await until(`${address} is closed`, () => !listens(address), 10_000);
        expect(performance.now() - begun).toBeLessThan(CLOSED_WITHIN_MS);
        expect(await refuses(address)).toBe(true);
      }
      const file = readFileSync(join(edge.stateDir, 'rathole/server.toml'), 'utf8');
      expect(file.trimEnd()).toMatch(/\[server\.services\]$/);
      await fetchByHand();
      first = await addTunnel();
      await fetchByHand();
      await until('bytes pass the new one', () => serves(first.address));
      expect(client.pid).toBe(pid);
    });

    it('and drops none of them when it gains an agent', async () => {
      const { pid } = client;
      const leftOver = await configToken(machine.id);
      const waiting = await addTunnel(); // the file by hand does not have it
      const idle = await IdleConnection.open(first.address);
      expect(await idle.echo('before')).toBe('before');
      const download = await TcpDownload.start(first.address);
      await until('the download has begun', () => download.bytes > 0);

      const agent = TestMachine.of(edge, machine);
      stack.defer(() => agent.stop());
      const path = `/machines/${machine.id}/join-tokens`;
      const { command } = await edge.api<SecretToken>('POST', path);
      await agent.enrol(command, '--client-config', client.file);
      expect(await serves(first.address)).toBe(true);
      await agent.startAgent();
      await agent.untilUp();
      const told = await until('bytes pass the data client', async () => {
        const status = await edge.status<Told>(machine.id);
        return status.dataPath?.serves && status;
      });

      expect(told.agent?.status).toBe('up');
      expect(told.rathole?.data).toMatchObject({ pid, restarts: 0 });
      expect(agent.clientPid('data')).toBe(pid);
      expect(client.running).toBe(true);

      // What waited is served now, and so is what comes, without anybody fetching anything.
      await until('bytes pass the tunnel that waited', () => serves(waiting.address));
      const further = await addTunnel();
      await until('bytes pass the further tunnel', () => serves(further.address));
      await edge.activeTunnel(waiting.id);
      await edge.activeTunnel(further.id);
      expect(agent.clientPid('data')).toBe(pid);

      const { bytes } = download;
      await until('the download goes on', () => download.bytes > bytes);
      expect(await idle.echo('after')).toBe('after');
      idle.close();
      target.finishDrips();
      const arrived = await download.done;
      expect(arrived).toBe(target.drippedSha256);
      expect(download.longestGapMs).toBeLessThan(LONGEST_GAP_MS);

      await until('the machine is healthy', async () => {
        const { health, reasons } = await edge.status<Told>(machine.id);
        if (health !== 'healthy') throw new Error(reasons.join('; '));
        return true;
      });
      // Its file is the agent's from here on.
      expect((await fetchConfig(machine.id, leftOver)).status).toBe(409);
      const again = await edge.call('POST', `/machines/${machine.id}/client-config-tokens`);
      expect(again.status).toBe(409);
    });
  });
});
