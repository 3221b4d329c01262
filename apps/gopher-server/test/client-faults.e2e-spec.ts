import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  EventLog,
  HttpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
  untilServes,
  visit,
  Visitors,
} from '../../../test/product/index.js';

/** What is read here of GET /machines/{id}/status and of the event machine-status. */
interface Status {
  health: string;
  reasons: string[];
  agent: { status: string };
  rathole: {
    control: { pid: number | null; state: string };
    data: { pid: number | null; state: string };
    config: { state: string; detail: string };
  };
}

describe('faults of the rathole clients', () => {
  let edge: TestEdge;
  let machine: TestMachine;
  let target: HttpTarget;
  let tunnel: TunnelView;
  let events: EventLog;

  beforeAll(async () => {
    edge = await TestEdge.start();
    machine = await TestMachine.join(edge, 'attic');
    target = await HttpTarget.start(edge.ports.next());
    tunnel = await edge.publish(machine.id, target.address);
  });

  afterAll(async () => {
    if (process.env.DUMP) console.log(edge.serverLog().split('\n').filter((l)=>/Restart|Agent of|data client/i.test(l)).join('\n'), machine.agent?.log().split('\n').slice(-25).join('\n'));
    target?.close();
    await machine?.stop();
    await edge?.stop();
  });

  const status = () => edge.status<Status>(machine.id);
  const untilHealthy = () =>
    until('the machine is healthy', async () => (await status()).health === 'healthy');

  beforeEach(async () => {
    await untilHealthy();
    events = await EventLog.open(edge);
  });

  afterEach(() => events.close());

  /** In ms from now on. */
  const servesAgainAfter = async (budgetMs: number): Promise<number> => {
    const began = performance.now();
    await untilServes(tunnel.address, target.name, budgetMs);
    return Math.round(performance.now() - began);
  };

  /** The first of its kind that was told since the test began. */
  const degradedBecause = (reason: RegExp) =>
    until(
      `an event says that the machine is degraded because of ${reason}`,
      () =>
        events
          .of<Status>('machine-status')
          .find(({ health, reasons }) => health === 'degraded' && reasons.some((r) => reason.test(r))),
      20_000,
    );

  /** It can only be so because a client of its own carries the back-channel. */
  const expectAgentStayedUp = async () => {
    expect(events.of('agent-status')).toEqual([]);
    const told = events.of<Status>('machine-status').map(({ agent }) => agent.status);
    expect(new Set([...told, (await status()).agent.status])).toEqual(new Set(['up']));
  };

  describe('of the data client', () => {
    it('killed: serves again at once', async ({ annotate }) => {
      const times: number[] = [];
      for (let kills = 0; kills < 3; kills++) {
        process.kill(machine.clientPid('data'), 'SIGKILL');
        await until('the client is gone', () => visit(tunnel.address, 500).then(() => false, () => true));
        times.push(await servesAgainAfter(10_000));
      }
      await annotate(`killed → serves: ${times.join(', ')} ms`);
      await annotate(JSON.stringify(events.of<Status>('machine-status').map(s=>[s.health, s.reasons, s.rathole.data])));
    });

    it('frozen: is restarted, and the status says so meanwhile', async ({ annotate }) => {
      const frozen = machine.clientPid('data');
      process.kill(frozen, 'SIGSTOP');
      const ms = await servesAgainAfter(20_000);
      await annotate(`frozen → serves: ${ms} ms`);
      expect(machine.clientPid('data')).not.toBe(frozen);
      await degradedBecause(/^The data client is frozen/);
      await untilHealthy();
      await expectAgentStayedUp();
    });

    it('wedged: is restarted, and the status says so meanwhile', async ({ annotate }) => {
      const wedged = machine.clientPid('data');
      execFileSync('prlimit', ['--pid', String(wedged), '--nofile=3:3']);
      await expect(visit(tunnel.address, 2_000)).rejects.toThrow();
      const ms = await servesAgainAfter(30_000);
      await annotate(`wedged → serves: ${ms} ms`);
      expect(machine.clientPid('data')).not.toBe(wedged);
      await degradedBecause(/^No bytes pass the data client/);
      await untilHealthy();
      await expectAgentStayedUp();
    });

    it('its file deleted: is repaired', async ({ annotate }) => {
      const file = join(machine.stateDir, 'rathole', 'data.toml');
      const before = readFileSync(file, 'utf8');
      const visitors = new Visitors(tunnel.address, target.name);
      const began = performance.now();
      rmSync(file);
      await until('the file is back', () => readFileSync(file, 'utf8') === before, 5_000);
      await annotate(`deleted → repaired: ${Math.round(performance.now() - began)} ms`);
      await until('said', async () => /data\.toml was removed; repaired/.test((await status()).rathole.config.detail), 5_000);
      expect((await visitors.end()).failures).toEqual([]);
      await expectAgentStayedUp();
    });
  });

  describe('of the control client', () => {
    it.each(['SIGKILL', 'SIGSTOP'] as const)('%s', async (signal) => {
      const before = machine.clientPid('control');
      const visitors = new Visitors(tunnel.address, target.name);
      await until('v', () => visitors.served > 20);
      const began = performance.now();
      process.kill(before, signal);
      await until('silent', async () => (await status()).agent.status !== 'up', 20_000);
      console.log('silent after', performance.now() - began);
      await until('again', async () => (await status()).agent.status === 'up', 60_000);
      console.log('up after', performance.now() - began);
      const v = await visitors.end();
      console.log(JSON.stringify(v), JSON.stringify(events.of('agent-status')));
      expect(v.failures).toEqual([]);
    });
  });
});
