import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Test, type TestingModule } from '@nestjs/testing';
import { getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import {
  AgentClient,
  type AgentReport,
  EdgeId,
  EdgeView,
  Machine,
  MachineEvents,
  MachineHeal,
  MachineHealthSweep,
  MachineModule,
  MachineService,
  SelfHeal,
  StatusRecorder,
} from '@gopher/machine';
import { agentReport, FakeAgentClient } from '@gopher/machine/testing';
import { dataSourceOptions } from '../src/database/data-source.options.js';
import { createDatabase, type TestingDatabase } from './testing-database.js';

const SECOND_MS = 1_000;

class NoEdgeView extends EdgeView {
  tunnels() {
    return Promise.resolve(new Map());
  }
  dataPath() {
    return null;
  }
  revision() {
    return null;
  }
  controlProblem() {
    return null;
  }
  metrics() {
    return null;
  }
}

const edge = { value: uuidv7() } satisfies EdgeId;

const SILENT = { log: () => {}, warn: () => {}, error: () => {} };

let database: TestingDatabase;
let module: TestingModule;
let client: FakeAgentClient;

beforeAll(async () => {
  database = await createDatabase();
});

afterAll(() => database.drop());

beforeEach(() => start());

afterEach(async () => {
  await module.get(DataSource).query('TRUNCATE machine CASCADE');
  await module.close();
});

/** The machine module alone, on a real database; with `schedule`, its cron jobs exist as well. */
async function start(options: { schedule?: boolean } = {}): Promise<void> {
  client = new FakeAgentClient();
  const builder = Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot(dataSourceOptions(database.url)),
      ...(options.schedule ? [ScheduleModule.forRoot()] : []),
      MachineModule.register({
        agentClient: { provide: AgentClient, useValue: client },
        edgeView: { provide: EdgeView, useClass: NoEdgeView },
        edgeId: { provide: EdgeId, useValue: edge },
      }),
    ],
  });
  module = await builder.setLogger(SILENT).compile();
  await module.init();
}

const get = <T>(token: { prototype: T }): T => module.get<T>(token as never, { strict: false });
const machines = (): Repository<Machine> =>
  module.get(getRepositoryToken(Machine), { strict: false });
const row = (id: string): Promise<Machine> => machines().findOneByOrFail({ id });
const statusOf = async (id: string) => (await row(id)).agentStatus;

/** Machines whose agents enrolled, in this order. */
async function withAgents(
  count: number,
  changes: Partial<Machine> = {},
  host = '127.0.0.1',
): Promise<Machine[]> {
  const made = Array.from({ length: count }, (_, i) => {
    const id = uuidv7();
    const agentAddr = `${host}:${20_000 + i}`;
    const own = {
      id,
      edgeId: edge.value,
      name: `machine-${id}`,
      agentAddr,
      agentStatus: 'unknown' as const,
    };
    return machines().create({ ...own, ...changes });
  });
  await machines().insert(made);
  return made;
}

/** One more, at an address of its own. */
async function oneWithAgent(): Promise<Machine> {
  const agentAddr = `127.0.0.1:${30_000 + (await machines().count())}`;
  return (await withAgents(1, { agentAddr })).at(0)!;
}

const target = ({ id, agentAddr }: Machine) => ({ id, agentAddr: agentAddr! });
const at = (seconds: number) => new Date(1_800_000_000_000 + seconds * SECOND_MS);
const record = (machine: Machine, seconds: number, report: AgentReport | null) =>
  get(StatusRecorder).record(
    report
      ? { target: target(machine), at: at(seconds), report }
      : { target: target(machine), at: at(seconds), silence: 'deadline exceeded' },
  );

describe(MachineHealthSweep.name, () => {
  it('looks at 200 machines of which 50 hang: the others do not wait for these', async () => {
    client.deadlineMs = 4_000;
    // The first ones hang, so that they fill every place there is.
    const hanging = await withAgents(50, { agentReportedAt: at(0), agentStatus: 'up' }, '10.0.0.1');
    const present = await withAgents(150);
    expect((await get(MachineService).listWithAgent()).slice(0, 50)).toMatchObject(
      hanging.map(({ id }) => ({ id })),
    );
    for (const { agentAddr } of present) client.online.set(agentAddr!, agentReport());
    const came = new Set<string>();
    let allAnsweredMs = Infinity;
    const began = performance.now();
    get(MachineEvents).agentStatus.subscribe(({ machineId, to }) => {
      if (to === 'up') came.add(machineId);
      if (came.size === 150) allAnsweredMs = Math.min(allAnsweredMs, performance.now() - began);
    });

    const result = await get(MachineHealthSweep).run();

    const tookMs = performance.now() - began;
    expect(result).toEqual({ answered: 150, silent: 50, failed: 0 });
    expect(came).toEqual(new Set(present.map(({ id }) => id)));
    expect(allAnsweredMs).toBeLessThan(2_000);
    expect(tookMs).toBeLessThan(client.deadlineMs + 2_000);
    const rows = await machines().find();
    const by = (ids: Machine[]) => {
      const wanted = new Set(ids.map(({ id }) => id));
      return new Set(rows.filter(({ id }) => wanted.has(id)).map(({ agentStatus }) => agentStatus));
    };
    expect(by(present)).toEqual(new Set(['up']));
    expect(by(hanging)).toEqual(new Set(['unknown']));
    expect(client.inFlight).toBe(0);
  });

  it('keeps to 50 quick looks at a time', async () => {
    for (const { agentAddr } of await withAgents(200)) client.online.set(agentAddr!, agentReport());
    await get(MachineHealthSweep).run();
    expect(client.mostInFlight).toBeLessThanOrEqual(50);
  });

  it('goes on when the client of one machine fails by a bug, which is not the machine’s', async () => {
    const broken = await oneWithAgent();
    const others = await withAgents(9);
    client.broken.add(broken.agentAddr!);
    for (const { agentAddr } of others) client.online.set(agentAddr!, agentReport());
    expect(await get(MachineHealthSweep).run()).toEqual({ answered: 9, silent: 0, failed: 1 });
    expect(await statusOf(broken.id)).toBe('unknown');
    expect((await row(broken.id)).agentObservedAt).toBeNull();
    for (const { id } of others) expect(await statusOf(id)).toBe('up');
  });

  it('leaves machines without an agent and those of other edges alone', async () => {
    await withAgents(1, { agentAddr: null, agentStatus: null });
    await withAgents(1, { edgeId: uuidv7() });
    expect(await get(MachineHealthSweep).run()).toEqual({ answered: 0, silent: 0, failed: 0 });
  });

  it('does not begin while the pass before is going on', async () => {
    await module.close();
    await start({ schedule: true });
    const machine = await oneWithAgent();
    client.deadlineMs = 300;
    const job = get(SchedulerRegistry).getCronJob('machine-health-sweep');
    const looks = vi.spyOn(client, 'getStatus');
    await Promise.all([job.fireOnTick(), job.fireOnTick(), job.fireOnTick()]);
    expect(looks).toHaveBeenCalledTimes(1);
    await job.fireOnTick();
    expect(looks).toHaveBeenCalledTimes(2);
    expect(await statusOf(machine.id)).toBe('unknown');
  });

  it('has a data client restarted that is down although its agent answers', async () => {
    const [stopped, frozen, well] = [
      await oneWithAgent(),
      await oneWithAgent(),
      await oneWithAgent(),
    ];
    const data = (state: 'stopped' | 'frozen') =>
      agentReport({ data: { ...agentReport().data!, state } });
    client.online.set(stopped.agentAddr!, data('stopped'));
    client.online.set(frozen.agentAddr!, data('frozen'));
    client.online.set(well.agentAddr!, agentReport());
    await get(MachineHealthSweep).run();
    expect(new Set(client.restarted)).toEqual(new Set([stopped.id, frozen.id]));
    await get(MachineHealthSweep).run();
    expect(client.restarted).toHaveLength(2);
  });
});

describe(StatusRecorder.name, () => {
  it('takes no older observation for a newer one, in whichever order they arrive', async () => {
    const machine = await oneWithAgent();
    await record(machine, 10, agentReport({ agentVersion: '2' }));
    await record(machine, 5, null);
    await record(machine, 6, agentReport({ agentVersion: '1' }));
    const found = await row(machine.id);
    expect(found).toMatchObject({ agentStatus: 'up', agentMisses: 0, agentObservedAt: at(10) });
    expect(found.agentReport?.agentVersion).toBe('2');
    const { agent } = await get(MachineService).status(machine.id);
    expect(agent).toMatchObject({ status: 'up', version: '2', observedAt: at(10) });
  });

  it('lets an observation at another address than the machine’s count for nothing', async () => {
    const machine = await oneWithAgent();
    const former = Object.assign(machines().create(machine), { agentAddr: '127.0.0.1:1' });
    await record(former, 10, agentReport());
    expect(await row(machine.id)).toMatchObject({ agentStatus: 'unknown', agentObservedAt: null });
    const { agent, rathole } = await get(MachineService).status(machine.id);
    expect([agent?.status, agent?.version, rathole]).toEqual(['unknown', null, null]);
    await record(machine, 11, agentReport());
    await record(former, 12, null);
    expect(await statusOf(machine.id)).toBe('up');
  });

  it('counts nothing for a machine without an agent', async () => {
    const machine = await oneWithAgent();
    await machines().update({ id: machine.id }, { agentAddr: null, agentStatus: null });
    await record(machine, 1, agentReport());
    expect(await row(machine.id)).toMatchObject({ agentStatus: null, agentReport: null });
  });

  it('calls an agent down after three misses in a row, and unknown before', async () => {
    const machine = await oneWithAgent();
    const seen: (string | null)[] = [];
    await record(machine, 0, agentReport());
    for (let miss = 1; miss <= 4; miss += 1) {
      await record(machine, miss, null);
      seen.push(await statusOf(machine.id));
    }
    expect(seen).toEqual(['unknown', 'unknown', 'down', 'down']);
    await record(machine, 5, agentReport());
    expect(await row(machine.id)).toMatchObject({ agentStatus: 'up', agentMisses: 0 });
    await record(machine, 6, null);
    expect(await statusOf(machine.id)).toBe('unknown');
  });

  it('keeps an agent that never answered unknown, however long it is silent', async () => {
    const machine = await oneWithAgent();
    for (let miss = 1; miss <= 10; miss += 1) await record(machine, miss, null);
    expect(await row(machine.id)).toMatchObject({ agentStatus: 'unknown', agentMisses: 10 });
  });

  it('says of a whole fleet that falls silent at once only that it does not know', async () => {
    const fleet = await withAgents(3);
    const silence = async (seconds: number, of = fleet) => {
      await Promise.all(of.map((machine) => record(machine, seconds, null)));
      return Promise.all(fleet.map(({ id }) => statusOf(id)));
    };
    await Promise.all(fleet.map((machine) => record(machine, 0, agentReport())));
    for (let miss = 1; miss <= 5; miss += 1) {
      expect(await silence(miss)).toEqual(['unknown', 'unknown', 'unknown']);
    }
    // One of them answers: now the silence of the others is their own.
    await record(fleet.at(0)!, 6, agentReport());
    expect(await silence(7, fleet.slice(1))).toEqual(['up', 'down', 'down']);
  });

  it('calls two that fall silent at once down: two are no fleet', async () => {
    const pair = await withAgents(2);
    for (const machine of pair) await record(machine, 0, agentReport());
    for (let miss = 1; miss <= 3; miss += 1) {
      for (const machine of pair) await record(machine, miss, null);
    }
    expect(await Promise.all(pair.map(({ id }) => statusOf(id)))).toEqual(['down', 'down']);
  });

  it('writes a burst in a few statements, and nothing of it is lost', async () => {
    const fleet = await withAgents(300);
    const query = vi.spyOn(machines(), 'query');
    await Promise.all(fleet.map((machine) => record(machine, 1, agentReport())));
    expect(query.mock.calls.length).toBeLessThanOrEqual(3);
    expect(await machines().countBy({ agentStatus: 'up' })).toBe(300);
  });

  it('writes what says nothing new only now and then, but tells it at once', async () => {
    const machine = await oneWithAgent();
    const report = agentReport();
    await record(machine, 0, report);
    const query = vi.spyOn(machines(), 'query');
    await record(machine, 5, { ...report, activeTunnels: 0 });
    expect(query).not.toHaveBeenCalled();
    expect((await row(machine.id)).agentReportedAt).toEqual(at(0));
    const { agent } = await get(MachineService).status(machine.id);
    expect(agent).toMatchObject({ reportedAt: at(5), observedAt: at(5) });
    await record(machine, 6, { ...report, activeTunnels: 1 });
    await record(machine, 31 + 6, { ...report, activeTunnels: 1 });
    expect(query).toHaveBeenCalledTimes(2);
  });

  it('notices an answer right after a silence that was written right after an answer', async () => {
    const machine = await oneWithAgent();
    // The silence arrives while the first answer is being written, the second right behind it.
    const first = record(machine, 1, agentReport());
    const silence = record(machine, 2, null);
    await first;
    const second = record(machine, 3, agentReport());
    await Promise.all([silence, second]);
    expect(await statusOf(machine.id)).toBe('up');
    await record(machine, 4, null);
    await record(machine, 5, agentReport());
    expect(await statusOf(machine.id)).toBe('up');
  });

  it('tells every change of the status once', async () => {
    const machine = await oneWithAgent();
    const told: string[] = [];
    get(MachineEvents).agentStatus.subscribe(({ from, to }) => told.push(`${from} → ${to}`));
    for (const [i, up] of [true, true, false, false, false, false, true].entries()) {
      await record(machine, i, up ? agentReport() : null);
    }
    expect(told).toEqual(['unknown → up', 'up → unknown', 'unknown → down', 'down → up']);
  });
});

describe(SelfHeal.name, () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: at(0) });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  async function unwell(): Promise<Machine> {
    const machine = await oneWithAgent();
    client.online.set(machine.agentAddr!, agentReport());
    return machine;
  }

  const heal = (machine: Machine) => get(SelfHeal).restart(target(machine), 'No bytes pass it');

  it('restarts at once, then cools down for longer each time, and gives up', async () => {
    const machine = await unwell();
    const restartedAt: number[] = [];
    for (let second = 0; second < 3_600; second += 5) {
      vi.setSystemTime(at(second));
      if (await heal(machine)) restartedAt.push(second);
    }
    expect(restartedAt).toEqual([0, 15, 45, 105, 225, 465, 945, 1545]);
    vi.setSystemTime(at(1545 + 3_600));
    expect(await heal(machine)).toBe(true);
  });

  it('remembers over a restart of the server', async () => {
    const machine = await unwell();
    expect(await heal(machine)).toBe(true);
    await module.close();
    await start();
    client.online.set(machine.agentAddr!, agentReport());
    vi.setSystemTime(at(14));
    expect(await heal(machine)).toBe(false);
    vi.setSystemTime(at(15));
    expect(await heal(machine)).toBe(true);
    const heals = module.get<Repository<MachineHeal>>(getRepositoryToken(MachineHeal), {
      strict: false,
    });
    expect(await heals.findOneBy({ machineId: machine.id })).toMatchObject({ attempts: 2 });
  });

  it('restarts once when it is asked from several sides at once', async () => {
    const machine = await unwell();
    const restarted = await Promise.all(Array.from({ length: 5 }, () => heal(machine)));
    expect(restarted.filter(Boolean)).toHaveLength(1);
    expect(client.restarted).toEqual([machine.id]);
  });

  it('does not count what could not be tried because the machine is away', async () => {
    const machine = await oneWithAgent();
    for (let i = 0; i < 10; i += 1) await expect(heal(machine)).rejects.toThrow(/did not answer/);
    client.online.set(machine.agentAddr!, agentReport());
    expect(await heal(machine)).toBe(true);
  });
});
