import { status } from '@grpc/grpc-js';
import { MachineEvents } from '@gopher/machine';
import { parseClient } from '@gopher/rathole';
import type { FakeAgent } from '../../../test/product/fake-agent.js';
import { until } from '../../../test/product/until.js';
import type { MachineStatusView } from '../src/machine/machine.schema.js';
import { TestingServer } from './testing-server.js';

interface Way {
  port: number;
  generation: number;
  nextPort: number | null;
}

describe('a control client', () => {
  let server: TestingServer;
  let machines = 0;
  let addresses = 0;
  let changes: string[];

  const present: { id: string; agent: FakeAgent }[] = [];

  beforeAll(async () => {
    server = await TestingServer.start();
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const { id, agent } of present.splice(0)) {
      agent.close();
      await server.api('DELETE', `/machines/${id}`);
    }
  });

  async function joined({ says = true } = {}): Promise<{ id: string; agent: FakeAgent }> {
    const { id, join } = await server.createMachine(`machine-${++machines}`);
    const { body, keyPem } = await server.enrol(join.token);
    const identity = { keyPem, certificatePem: body.certificatePem };
    const control = says ? { control: body.controlToml } : {};
    const agent = await server.agentAt(id, identity, control);
    agent.secondPort = async () => (await way(id)).nextPort;
    await server.untilAgentIs(id, 'up');
    present.push({ id, agent });
    return { id, agent };
  }

  /** The edge is started with another address for its machines. */
  async function changeAddress(): Promise<string> {
    const address = `edge-${++addresses}.example.com:2333`;
    server.settings.GOPHER_RATHOLE_PUBLIC = address;
    await server.restart();
    changes = [];
    server.get(MachineEvents).agentStatus.subscribe(({ from, to }) => {
      changes.push(`${from} → ${to}`);
    });
    return address;
  }

  async function way(id: string): Promise<Way> {
    const [row] = await server.database.query<Way[]>(
      `SELECT port, generation, next_port AS "nextPort" FROM back_channel WHERE machine_id = $1`,
      [id],
    );
    return row!;
  }

  async function leased(id: string): Promise<number[]> {
    const rows = await server.database.query<{ port: number }[]>(
      `SELECT port FROM port_lease WHERE machine_id = $1 AND purpose = 'back-channel'`,
      [id],
    );
    return rows.map(({ port }) => port);
  }

  const addressOf = ({ controlPushes }: FakeAgent) =>
    parseClient(controlPushes.at(-1)!.toml).remoteAddr;

  const statusOf = (id: string) => server.api<MachineStatusView>('GET', `/machines/${id}/status`);

  const untilMoved = (id: string, generation: number, timeoutMs?: number) =>
    until(
      `it was moved for the ${generation}. time`,
      async () => {
        const found = await way(id);
        if (found.generation === generation && found.nextPort === null) return true;
        throw new Error(JSON.stringify(found));
      },
      timeoutMs,
    );

  /** Reached through one way only, and that is the one which the agent has. */
  async function expectSettled({ id, agent }: { id: string; agent: FakeAgent }): Promise<void> {
    expect(await leased(id)).toEqual([agent.port]);
    expect(await way(id)).toMatchObject({ port: agent.port, nextPort: null });
    const { generation } = await way(id);
    await until('nothing is said against it, and it is watched', async () => {
      // No data client runs here.
      expect((await statusOf(id)).reasons).toEqual([expect.stringMatching(/^No bytes pass/)]);
      expect(await server.agentPort(id)).toBe(agent.port);
      return agent.watchers === 1;
    });
    await until('server.toml has one way', async () => {
      const toml = await server.serverToml();
      const names = [...toml.matchAll(/"back-channel\.([^"]*)"/g)].map(([, name]) => name);
      const own = names.filter((name) => name!.startsWith(id));
      expect(own).toEqual([generation === 0 ? id : `${id}.${generation}`]);
      return true;
    });
  }

  const untilSaid = (id: string, reason: RegExp, timeoutMs?: number) =>
    until(
      `the status says ${String(reason)}`,
      async () => {
        const { reasons } = await statusOf(id);
        if (reasons.some((text) => reason.test(text))) return true;
        throw new Error(reasons.join('\n'));
      },
      timeoutMs,
    );

  it('moves to a new address of the edge, again and again; the machine stays up', async () => {
    const machine = await joined();
    const older = await joined({ says: false });
    const { id, agent } = machine;
    await server.restart();
    await until('it has reported', () => agent.watchers === 1);
    expect(agent.controlPushes).toEqual([]);
    for (const generation of [1, 2]) {
      const before = agent.port;
      const address = await changeAddress();
      await untilMoved(id, generation);
      expect(agent.port).not.toBe(before);
      expect(agent.controlPushes).toHaveLength(generation);
      expect(agent.controlPushes.at(-1)).toMatchObject({ confirmWithinSeconds: 30 });
      expect(addressOf(agent)).toBe(address);
      await expectSettled(machine);
      expect(changes).toEqual([]);
    }
    expect([older.agent.controlPushes, await way(older.id)]).toMatchObject([[], { generation: 0 }]);
  });

  it('stays where it is when its agent refuses, and is asked again', async () => {
    const machine = await joined();
    const { id, agent } = machine;
    agent.refusingControl = 'not with me';
    const { port } = agent;
    const address = await changeAddress();
    await untilSaid(
      id,
      new RegExp(
        `^The control client could not be moved to ${address}: not with me; ` +
          `the agent is still reached through 127.0.0.1:${port}$`,
      ),
    );
    await until('it is asked again', () => agent.controlPushes.length >= 3);
    expect(await server.agentStatus(id)).toBe('up');
    await until('nothing more is leased than before', async () => {
      return (await leased(id)).join() === String(port);
    });
    agent.refusingControl = null;
    await untilMoved(id, 1);
    await expectSettled(machine);
    expect(changes).toEqual([]);
  });

  it('stays where it is when it does not get through, while another one moves', async () => {
    const [lost, other] = [await joined(), await joined()];
    lost.agent.secondPort = () => Promise.resolve(null);
    const { port } = lost.agent;
    await changeAddress();
    await untilMoved(other.id, 1);
    await expectSettled(other);
    expect((await way(lost.id)).nextPort).not.toBeNull();
    await untilSaid(
      lost.id,
      /could not be moved to .*: nobody answered through it within 30 s .*; the agent is still reached/,
      45_000,
    );
    expect(await server.agentStatus(lost.id)).toBe('up');
    await until('nothing more is leased than before', async () => {
      return (await leased(lost.id)).join() === String(port);
    });
    lost.agent.secondPort = async () => (await way(lost.id)).nextPort;
    await untilMoved(lost.id, 1);
    expect(lost.agent.controlPushes).toHaveLength(2);
    await expectSettled(lost);
    expect(changes).toEqual([]);
  }, 90_000);

  it('finds out that it moved when only the answer was lost', async () => {
    const machine = await joined();
    const { id, agent } = machine;
    agent.failing.set('confirmControlConfig', { code: status.UNAVAILABLE, details: 'lost' });
    await changeAddress();
    await until('it has moved', async () => agent.port === (await way(id)).nextPort);
    agent.failing.clear();
    await untilMoved(id, 1);
    await expectSettled(machine);
  });

  it('ends a move when its machine enrols again', async () => {
    const machine = await joined();
    const { id, agent } = machine;
    agent.hanging.add('confirmControlConfig');
    const { port } = agent;
    await changeAddress();
    await until('it is to be confirmed', () => agent.calls.includes('confirmControlConfig'));
    const { nextPort } = await way(id);
    const { token } = await server.api<{ token: string }>('POST', `/machines/${id}/join-tokens`);
    const { body } = await server.enrol(token);
    agent.hanging.clear();
    expect(body.controlToml).toContain(`"back-channel.${id}"`);
    expect([await server.agentPort(id), await leased(id)]).toEqual([port, [port]]);
    // Its fake has not taken what it was handed, so that it moves after all: on a way of its own.
    await untilMoved(id, 1);
    expect(agent.port).not.toBe(nextPort);
    await expectSettled(machine);
  });

  describe('whose edge is started again', () => {
    async function startAgain(machine: { id: string; agent: FakeAgent }): Promise<void> {
      const { nextPort } = await way(machine.id);
      await server.restart();
      machine.agent.hanging.clear();
      machine.agent.failing.clear();
      await untilMoved(machine.id, 1);
      expect(machine.agent.port).toBe(nextPort);
      await expectSettled(machine);
    }

    it('before it was told, moves', async () => {
      const machine = await joined();
      machine.agent.hanging.add('updateControlConfig');
      await changeAddress();
      await until('it is told', () => machine.agent.calls.includes('updateControlConfig'));
      expect(machine.agent.controlPushes).toEqual([]);
      await startAgain(machine);
      expect(machine.agent.controlPushes).toHaveLength(1);
    });

    it('before it was confirmed, moves', async () => {
      const machine = await joined();
      machine.agent.hanging.add('confirmControlConfig');
      await changeAddress();
      await until('it is to be confirmed', () =>
        machine.agent.calls.includes('confirmControlConfig'),
      );
      await startAgain(machine);
    });

    it('after it was confirmed, and nobody wrote it down, is found', async () => {
      const machine = await joined();
      const { id, agent } = machine;
      agent.failing.set('confirmControlConfig', { code: status.UNAVAILABLE, details: 'lost' });
      await changeAddress();
      await until('it has moved', async () => agent.port === (await way(id)).nextPort);
      await startAgain(machine);
      expect(agent.controlPushes).toHaveLength(1);
    });

    it('with yet another address after it was confirmed, is found, and moves once more', async () => {
      const machine = await joined();
      const { id, agent } = machine;
      agent.failing.set('confirmControlConfig', { code: status.UNAVAILABLE, details: 'lost' });
      await changeAddress();
      await until('it has moved', async () => agent.port === (await way(id)).nextPort);
      const address = await changeAddress();
      agent.failing.clear();
      await untilMoved(id, 2);
      expect(addressOf(agent)).toBe(address);
      await expectSettled(machine);
    });

    it('while its machine is away, is found once that is back', async () => {
      const machine = await joined();
      const { id, agent } = machine;
      const lost = { code: status.UNAVAILABLE, details: 'lost' };
      agent.failing.set('confirmControlConfig', lost);
      await changeAddress();
      await until('it has moved', async () => agent.port === (await way(id)).nextPort);
      agent.failing.set('getStatus', lost);
      await server.restart();
      const { length } = agent.calls;
      await until('it was tried several times', () => agent.calls.length >= length + 3);
      expect(await way(id)).toMatchObject({ generation: 0, nextPort: agent.port });
      agent.failing.clear();
      await untilMoved(id, 1);
      await expectSettled(machine);
    });
  });
});
