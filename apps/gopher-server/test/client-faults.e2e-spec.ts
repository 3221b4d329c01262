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

const KILLED_BUDGET_MS = 1_500;
const FROZEN_BUDGET_MS = 20_000;
const WEDGED_BUDGET_MS = 20_000;
const CONTROL_BUDGET_MS = 60_000;
/** Far above what a visitor waits here, far below what the loss of a client costs one. */
const STALL_MS = 1_000;

/** What is read here of GET /machines/{id}/status and of the event machine-status. */
interface Status {
  health: string;
  reasons: string[];
  agent: { status: string };
  rathole: {
    control: { pid: number | null; state: string };
    data: { pid: number | null; state: string; restarts: number };
    config: { state: string; detail: string };
  };
}

/** Real here: the whole product, and what happens to the processes of the machine. */
describe('faults of a machine’s rathole clients', () => {
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
    target?.close();
    await machine?.stop();
    await edge?.stop();
  });

  beforeEach(async () => {
    await untilHealthy();
    events = await EventLog.open(edge);
  });

  afterEach(() => events?.close());

  const status = () => edge.status<Status>(machine.id);
  const untilHealthy = () =>
    until('the machine is healthy', async () => (await status()).health === 'healthy');
  const statusEvents = () => events.of<Status>('machine-status');
  const dataFile = () => join(machine.stateDir, 'rathole', 'data.toml');
  const clientReplaced = (name: 'control' | 'data', pid: number) =>
    until(`another ${name} client runs`, () => machine.clientPid(name) !== pid);

  /** Resolves with the ms from now on. */
  const servesAgain = async (budgetMs: number): Promise<number> => {
    const began = performance.now();
    await untilServes(tunnel.address, target.name, budgetMs);
    return Math.round(performance.now() - began);
  };

  const saidDegraded = (reason: RegExp) =>
    statusEvents().some(
      ({ health, reasons }) => health === 'degraded' && reasons.some((text) => reason.test(text)),
    );

  /** Only a client of its own for the back-channel makes this possible. */
  const expectAgentStayedUp = async () => {
    expect(events.of('agent-status')).toEqual([]);
    const seen = [...statusEvents(), await status()].map(({ agent }) => agent.status);
    expect(new Set(seen)).toEqual(new Set(['up']));
  };

  describe('the data client', () => {
    it('killed: serves again within 1.5 s', async ({ annotate }) => {
      const killed = machine.clientPid('data');
      process.kill(killed, 'SIGKILL');
      await annotate(`serves again after ${await servesAgain(KILLED_BUDGET_MS)} ms`);
      await clientReplaced('data', killed);
      await untilHealthy();
      await expectAgentStayedUp();
    });

    it('wedged, so that it runs and serves nobody: is restarted', async ({ annotate }) => {
      const wedged = machine.clientPid('data');
      execFileSync('prlimit', ['--pid', String(wedged), '--nofile=3:3']);
      await expect(visit(tunnel.address, 1_000)).rejects.toThrow();
      expect((await status()).rathole.data).toMatchObject({ pid: wedged, state: 'connected' });
      await annotate(`serves again after ${await servesAgain(WEDGED_BUDGET_MS)} ms`);
      await clientReplaced('data', wedged);
      expect(saidDegraded(/^No bytes pass the data client: /)).toBe(true);
      await untilHealthy();
      await expectAgentStayedUp();
    });

    it('frozen: is restarted within 20 s', async ({ annotate }) => {
      const frozen = machine.clientPid('data');
      process.kill(frozen, 'SIGSTOP');
      await annotate(`serves again after ${await servesAgain(FROZEN_BUDGET_MS)} ms`);
      await clientReplaced('data', frozen);
      expect(saidDegraded(/^The data client is frozen/)).toBe(true);
      await untilHealthy();
      await expectAgentStayedUp();
    });

    it('its file deleted: no visitor notices, and the status tells of the repair', async ({
      annotate,
    }) => {
      const before = readFileSync(dataFile(), 'utf8');
      const visitors = new Visitors(tunnel.address, target.name);
      const began = performance.now();
      rmSync(dataFile());
      await until('the file is back', () => readFileSync(dataFile(), 'utf8') === before, 5_000);
      await annotate(`repaired after ${Math.round(performance.now() - began)} ms`);
      const repaired = /data\.toml was removed; repaired at /;
      await until('an event tells of the repair', () =>
        statusEvents().some(({ rathole }) => repaired.test(rathole.config.detail)),
      );
      const { failures, longestMs } = await visitors.end();
      expect(failures).toEqual([]);
      expect(longestMs).toBeLessThan(STALL_MS);
      await expectAgentStayedUp();
    });

    it('killed while its file is missing: serves again', async ({ annotate }) => {
      const killed = machine.clientPid('data');
      const before = readFileSync(dataFile(), 'utf8');
      rmSync(dataFile());
      process.kill(killed, 'SIGKILL');
      await annotate(`serves again after ${await servesAgain(20_000)} ms`);
      await clientReplaced('data', killed);
      expect(readFileSync(dataFile(), 'utf8')).toBe(before);
      await untilHealthy();
      await expectAgentStayedUp();
    });

    it('killed again and again: the status says so while it waits to be started', async () => {
      // The wait is random, and what is over within 200 ms is told as one change.
      for (let kills = 0; kills < 8 && !saidDegraded(/^The data client is stopped/); kills++) {
        const killed = machine.clientPid('data');
        process.kill(killed, 'SIGKILL');
        await clientReplaced('data', killed);
        await servesAgain(20_000);
      }
      expect(saidDegraded(/^The data client is stopped: .*SIGKILL.* is being started again/)).toBe(
        true,
      );
      await untilHealthy();
      await expectAgentStayedUp();
    });
  });

  describe('the control client', () => {
    it.for([
      ['killed', 'SIGKILL', 15_000],
      ['frozen', 'SIGSTOP', CONTROL_BUDGET_MS],
    ] as const)(
      '%s: no visitor notices, and the agent is reachable again by itself',
      async ([, signal, budgetMs], { annotate }) => {
        const [control, data] = [machine.clientPid('control'), machine.clientPid('data')];
        const visitors = new Visitors(tunnel.address, target.name);
        await until('visitors are being served', () => visitors.served > 10);
        const began = performance.now();
        process.kill(control, signal);
        const agentWas = async (wanted: string, timeoutMs: number) => {
          const was = () =>
            events.of<{ to: string }>('agent-status').some(({ to }) => to === wanted);
          await until(`the agent was ${wanted}`, was, timeoutMs);
          return Math.round(performance.now() - began);
        };
        const silentMs = await agentWas('unknown', 15_000);
        const backMs = await agentWas('up', budgetMs);
        await annotate(
          `agent unreachable after ${silentMs} ms, reachable again after ${backMs} ms`,
        );
        await untilHealthy();
        const { served, failures, longestMs } = await visitors.end();
        await annotate(`${served} visits meanwhile, the longest took ${Math.round(longestMs)} ms`);
        expect(failures).toEqual([]);
        expect(longestMs).toBeLessThan(STALL_MS);
        expect(machine.clientPid('control')).not.toBe(control);
        expect(machine.clientPid('data')).toBe(data);
      },
    );
  });
});
