import { status } from '@grpc/grpc-js';
import { until } from '../../../test/product/until.js';
import { TestingMachine } from './testing-machine.js';
import { TestingServer } from './testing-server.js';

describe('a push', () => {
  let server: TestingServer;
  let machine: TestingMachine;
  let machines = 0;

  beforeAll(async () => {
    server = await TestingServer.start();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    machine = await TestingMachine.join(server, `machine-${++machines}`);
  });
  afterEach(() => machine.stop());

  /** In a time in which what is to be pushed has been, many times over. */
  const noneMoreThan = (pushes: number) => {
    const another = until('another push', () => machine.agent.pushes.length > pushes, 1_000);
    return expect(another).rejects.toThrow('another push');
  };
  const calls = (name: string) => machine.agent.calls.filter((call) => call === name).length;

  it('is confirmed once bytes pass and its port is open, and is applied then', async () => {
    const before = await machine.newest();
    const tunnel = await machine.createTunnel();
    const applied = await machine.untilNewestIs('applied', before.number);
    expect(applied).toMatchObject({
      number: before.number + 1,
      class: 'services',
      cause: `tunnel ${tunnel.id} added`,
      reason: null,
    });
    const push = machine.agent.pushes.at(-1)!;
    expect(push.confirmWithinSeconds).toBe(30);
    expect(push.sha256).toBe(applied.sha256);
    expect(calls('confirmRatholeConfig')).toBe(1);
    expect((await machine.status()).rathole).toMatchObject({
      config: { revision: applied.number, state: 'applied' },
      reverted: null,
    });
  });

  it('is not confirmed while no bytes pass; it is taken back, and pushed again as another', async () => {
    machine.agent.windowMs = 1_500;
    machine.cut();
    const first = (await machine.newest()).number + 1;
    const tunnel = await machine.createTunnel();
    await until('it waits to be confirmed', async () => {
      const { revision, rathole } = await machine.status();
      return revision?.state === 'unconfirmed' && rathole?.config?.state === 'unconfirmed';
    });
    await until('it was taken back', async () => {
      const row = (await machine.revisions()).find(({ number }) => number === first);
      return row?.outcome === 'reverted' && row.reason?.includes('not confirmed in 1500 ms');
    });
    expect(calls('confirmRatholeConfig')).toBe(0);
    await until('the tunnel says why', async () => {
      const { state, leg, reason } = await server.api<Told>('GET', `/tunnels/${tunnel.id}`);
      return (
        state === 'failed' &&
        leg === 'rathole→machine' &&
        /Revision \d+ was reverted: not confirmed .*no bytes passed/.test(reason ?? '')
      );
    });
    machine.agent.windowMs = null;
    await machine.mend();
    const applied = await machine.untilNewestIs('applied', first);
    expect(applied.cause).toMatch(/^again, for revision \d+ was reverted$/);
    await machine.untilInSync();
    await until('the tunnel is looked at again', async () => {
      const { leg } = await server.api<Told>('GET', `/tunnels/${tunnel.id}`);
      return leg === 'machine→target'; // nothing listens there, which is not the push's fault
    });
  });

  it('is not confirmed either while a port that it brings stays closed', async ({ skip }) => {
    const { rathole } = await server.api<{ rathole: { lacks: { id: string }[] } }>('GET', '/edge');
    skip(
      rathole.lacks.some(({ id }) => id === 'revocation'),
      'a released rathole opens it anyway',
    );
    machine.agent.windowMs = 1_500;
    machine.agent.onConfig = () => {}; // the agent says so, but its data client knows nothing of it
    const before = (await machine.newest()).number;
    const { port } = await machine.createTunnel();
    await until('it is seen', async () => {
      return (await machine.status()).revision?.reason === `tcp port ${port} did not open`;
    });
    await until('it is taken back', () => machine.agent.status.reverted !== undefined);
    expect(calls('confirmRatholeConfig')).toBe(0);
    machine.agent.onConfig = (toml) => machine.client.write(toml);
    await machine.untilNewestIs('applied', before + 1);
  });

  it('that the data client does not take is not repeated until something else is wanted', async () => {
    machine.agent.notTaking = 'Address already in use';
    const before = (await machine.newest()).number;
    const tunnel = await machine.createTunnel();
    const reverted = await machine.untilNewestIs('reverted', before);
    expect(reverted.reason).toBe('Address already in use');
    expect((await machine.status()).revision).toMatchObject({
      wanted: { sha256: reverted.sha256, number: reverted.number },
      state: 'reverted',
      differences: [`tunnel ${tunnel.id}: added, 127.0.0.1:9`],
      reason: 'Address already in use',
    });
    const pushes = machine.agent.pushes.length;
    const heard = calls('getStatus');
    machine.agent.disconnect();
    await until('its report was heard again', () => calls('getStatus') > heard);
    await server.restart();
    await server.untilAgentIs(machine.id, 'up');
    await until('it is still known', async () => {
      return (await machine.status()).revision?.state === 'reverted';
    });
    await noneMoreThan(pushes);

    machine.agent.notTaking = null;
    await machine.retarget(tunnel.id, '127.0.0.1:10');
    await machine.untilNewestIs('applied', reverted.number);
  });

  it('that the agent refuses is not repeated, and its words come without secrets', async () => {
    let token = '';
    machine.agent.refusing = ({ toml }) => {
      token = /token = "([^"]+)"/.exec(toml)![1]!;
      return `no service may have ${token}`;
    };
    const before = (await machine.newest()).number;
    await machine.createTunnel();
    const refused = await machine.untilNewestIs('refused', before);
    const { revision } = await machine.status();
    expect(revision?.state).toBe('refused');
    expect(token.length).toBeGreaterThan(20);
    for (const text of [refused.reason, revision?.reason]) {
      expect(text).toMatch(/^no service may have sha256:[0-9a-f]{8}$/);
    }
    const pushes = machine.agent.pushes.length;
    machine.agent.tell({ agentVersion: '0.1.1' });
    await until('that was heard', async () => {
      return (await machine.status()).agent?.version === '0.1.1';
    });
    await noneMoreThan(pushes);

    machine.agent.refusing = null;
    machine.agent.tell({ policyVersion: 'another' });
    await machine.untilNewestIs('applied', refused.number);
  });

  it('whose answer is lost is found on trial, and confirmed', async () => {
    const lost = { code: status.UNAVAILABLE, details: 'lost' };
    machine.agent.failing.set('updateRatholeConfig', lost);
    const before = (await machine.newest()).number;
    await machine.createTunnel();
    const applied = await machine.untilNewestIs('applied', before);
    expect(applied.number).toBe(before + 1);
    expect(machine.agent.pushes.length).toBe(1);
  });

  it('whose confirmation is lost is confirmed again', async () => {
    let confirmations = 0;
    machine.agent.before = (call) => {
      if (call !== 'confirmRatholeConfig') return;
      confirmations += 1;
      if (confirmations === 1) throw Object.assign(new Error('lost'), { code: status.UNAVAILABLE });
    };
    const before = (await machine.newest()).number;
    await machine.createTunnel();
    await machine.untilNewestIs('applied', before);
    expect(confirmations).toBeGreaterThan(1);
    expect(machine.agent.pushes.length).toBe(1);
  });

  it('whose confirmation was carried out and the answer lost is applied by the report', async () => {
    const lost = { code: status.UNAVAILABLE, details: 'lost' };
    machine.agent.failing.set('confirmRatholeConfig', lost);
    const before = (await machine.newest()).number;
    await machine.createTunnel();
    await machine.untilNewestIs('applied', before);
    expect(machine.agent.pushes.length).toBe(1);
  });

  it('that is confirmed after the machine took it back is pushed again', async () => {
    machine.agent.windowMs = 300;
    machine.agent.before = (call) => {
      if (call !== 'confirmRatholeConfig') return;
      if (machine.agent.pushes.length > 1) return;
      return new Promise((resolve) => setTimeout(resolve, 600)); // longer than its patience
    };
    const before = (await machine.newest()).number;
    await machine.createTunnel();
    const applied = await machine.untilNewestIs('applied', before + 1);
    expect(applied.number).toBe(before + 2);
    const [first] = (await machine.revisions()).filter(({ number }) => number === before + 1);
    expect(first).toMatchObject({ outcome: 'reverted', reason: 'not confirmed in 300 ms' });
  });

  it.each(['updateRatholeConfig', 'confirmRatholeConfig'] as const)(
    'during whose %s the edge ends is confirmed by the next one',
    async (call) => {
      const before = (await machine.newest()).number;
      machine.agent.hanging.add('confirmRatholeConfig');
      if (call === 'updateRatholeConfig') {
        machine.agent.before = (name) => (name === call ? new Promise(() => {}) : undefined);
      }
      await machine.createTunnel();
      await until('it has begun', () => calls(call) > 0);
      expect(await machine.newest()).toMatchObject({ number: before + 1, outcome: 'applying' });
      await server.close();
      machine.agent.hanging.clear();
      machine.agent.before = () => {};
      await server.open();
      const applied = await machine.untilNewestIs('applied', before);
      expect(applied.number).toBe(before + 1);
    },
  );

  it('of which the machine took back while the edge was away is known as reverted', async () => {
    machine.agent.hanging.add('confirmRatholeConfig');
    machine.agent.windowMs = 1_000;
    const before = (await machine.newest()).number;
    await machine.createTunnel();
    await until('it is to be confirmed', () => calls('confirmRatholeConfig') > 0);
    await server.close();
    await until('it was taken back', () => machine.agent.status.reverted !== undefined);
    machine.agent.hanging.clear();
    machine.agent.windowMs = null;
    await server.open();
    await machine.untilNewestIs('applied', before + 1);
    const row = (await machine.revisions()).find(({ number }) => number === before + 1);
    expect(row).toMatchObject({ outcome: 'reverted', reason: 'not confirmed in 1000 ms' });
  });

  it('takes with it what piled up: 100 tunnels at once are few revisions', async () => {
    const before = (await machine.newest()).number;
    machine.agent.before = (call) =>
      // As long as rathole takes for it.
      call === 'updateRatholeConfig'
        ? new Promise((resolve) => setTimeout(resolve, 300))
        : undefined;
    const made = await Promise.all(
      Array.from({ length: 100 }, (_, i) => machine.createTunnel(`127.0.0.1:${i + 1}`)),
    );
    await until('the machine has all', () => {
      return made.every(({ id }) => machine.agent.pushes.at(-1)?.toml.includes(id));
    });
    const applied = await machine.untilNewestIs('applied', before);
    expect(applied.number - before).toBeLessThan(10);
    const outcomes = (await machine.revisions())
      .filter(({ number }) => number > before)
      .map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => !['applied', 'superseded'].includes(outcome))).toEqual([]);
  });

  it('that a newer one overtakes while it is unconfirmed is superseded', async () => {
    machine.cut();
    const before = (await machine.newest()).number;
    const tunnel = await machine.createTunnel();
    await until('the first is there', () => machine.agent.pushes.length > 0);
    await machine.retarget(tunnel.id, '127.0.0.1:10');
    await until('so is the second', () => machine.agent.pushes.length > 1);
    await machine.mend();
    const applied = await machine.untilNewestIs('applied', before + 1);
    const first = (await machine.revisions()).find(({ number }) => number === before + 1);
    expect(first).toMatchObject({
      outcome: 'superseded',
      reason: `Revision ${applied.number} came after it`,
    });
  });

  it('over which a machine takes long is overtaken by what is wanted instead', async () => {
    const taking = Promise.withResolvers<void>();
    machine.agent.before = (call) => {
      const first = calls('updateRatholeConfig') === 1;
      return call === 'updateRatholeConfig' && first ? taking.promise : undefined;
    };
    const before = (await machine.newest()).number;
    const tunnel = await machine.createTunnel();
    await until('it has begun', () => calls('updateRatholeConfig') === 1);
    const begun = performance.now();
    await server.api('DELETE', `/tunnels/${tunnel.id}`);
    const other = await machine.createTunnel();
    await machine.untilNewestIs('applied', before + 1);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(machine.agent.pushes.at(-1)?.toml).toContain(other.id);
    taking.resolve();
    await machine.untilInSync();
    const first = (await machine.revisions()).find(({ number }) => number === before + 1);
    expect(first?.outcome).toBe('superseded');
  });

  it('to an agent that is older than confirmations awaits none', async () => {
    const { id, agent } = await server.joinedMachine(`older-${machines}`);
    await server.api('POST', '/tunnels', { machineId: id, target: '127.0.0.1:9' });
    await until('it has it', () => agent.pushes.length > 0);
    expect(agent.pushes[0]?.confirmWithinSeconds).toBe(0);
    await until('it is applied', async () => {
      const { items } = await server.api<{ items: { outcome: string }[] }>(
        'GET',
        `/machines/${id}/revisions`,
      );
      return items[0]?.outcome === 'applied';
    });
    expect(agent.calls).not.toContain('confirmRatholeConfig');
  });

  it('repairs what drifted, under a number above all that the machine ever had', async () => {
    const { number: before, sha256 } = await machine.newest();
    const foreign = {
      revision: before + 40,
      toml: await server.serverToml(),
      sha256: 'ab'.repeat(32),
    };
    await machine.agent.hold(foreign);
    const applied = await machine.untilNewestIs('applied', before);
    expect(applied).toMatchObject({
      number: before + 41,
      sha256,
      cause: `drift: the machine had revision ${before + 40}, sha256:abababab in the place of revision ${before}`,
    });
  });

  it('is not needed where a restored database knows less than the machine, which has what is wanted', async () => {
    await machine.createTunnel();
    const { number } = await machine.untilNewestIs('applied', 1);
    await server.close();
    await forgetAbove(number - 1);
    await server.open();
    expect(await machine.untilNewestIs('applied', number - 1)).toMatchObject({
      number,
      cause: 'found on the machine',
    });
    expect(machine.agent.pushes.length).toBe(1);
  });

  it('goes above the numbers of the machine, although a restored database has lower ones', async () => {
    const tunnel = await machine.createTunnel();
    const { number } = await machine.untilNewestIs('applied', 1);
    await server.close();
    await forgetAbove(number - 1);
    await server.testingDatabase.query(`DELETE FROM tunnel WHERE id = '${tunnel.id}'`);
    await server.open();
    const applied = await machine.untilNewestIs('applied', number);
    expect(applied.number).toBe(number + 1);
    await machine.untilInSync();
  });

  const forgetAbove = (number: number) =>
    server.testingDatabase.query(
      `DELETE FROM machine_revision WHERE machine_id = '${machine.id}' AND number > ${number}`,
    );
});

interface Told {
  state: string;
  leg: string | null;
  reason: string | null;
}
