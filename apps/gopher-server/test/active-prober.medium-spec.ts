import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { v7 as uuidv7 } from 'uuid';
import { type AgentTarget, type EdgeId, MachineService } from '@gopher/machine';
import type { TargetCheck, TargetExpectation } from '@gopher/proto';
import { until } from '../../../test/product/until.js';
import type { ServerConfig } from '../src/config/server.config.js';
import { RatholeServer } from '../src/edge/rathole/rathole-server.js';
import { BackChannel } from '../src/enrolment/back-channel.entity.js';
import { ActiveProber } from '../src/probe/active-prober.js';
import { AgentTargets } from '../src/probe/agent-targets.js';
import { EdgeSight } from '../src/probe/edge-sight.js';
import { MachineLook } from '../src/probe/machine-look.js';
import { ProbeEvents } from '../src/probe/probe-events.js';
import { ProbeLog } from '../src/probe/probe-log.js';
import { ProbeStore } from '../src/probe/probe-store.js';
import { ProbeTurns } from '../src/probe/probe-turns.js';
import { Suspects } from '../src/probe/suspects.js';
import { TunnelStates } from '../src/probe/tunnel-states.js';
import { VisitorTraffic } from '../src/probe/visitor-traffic.js';
import { Tunnel } from '../src/tunnel/tunnel.entity.js';
import { TestingServer } from './testing-server.js';

const TUNNELS = 1_000;
const MACHINES = 10;
const INTERVAL_S = 30;
const PER_SECOND = Math.ceil(TUNNELS / INTERVAL_S);
const AT_ONCE = 100;

/** Agents to whom every target is well, once they answer. */
class FakeAgentTargets extends AgentTargets {
  /** How many targets they look at: now, and at most. */
  open = 0;
  most = 0;
  /** Until this is resolved nobody answers. */
  held = Promise.resolve();

  async check(_: AgentTarget, expected: readonly TargetExpectation[]): Promise<TargetCheck[]> {
    this.open += expected.length;
    this.most = Math.max(this.most, this.open);
    await this.held;
    this.open -= expected.length;
    const found = { target: '127.0.0.1:80', accepts: true, detail: '', connectMs: 1 };
    return expected.map(({ service }) => ({ service, ...found }));
  }
}

/** The real ones, at a time that a test says. */
class SteppedTurns extends ProbeTurns {
  now = performance.now();
  /** How many were begun at each look. */
  readonly begun: number[] = [];

  override async next(): Promise<Tunnel[]> {
    const found = await super.next(this.now);
    this.begun.push(found.length);
    return found;
  }

  override end(tunnelId: string, failed: boolean): void {
    super.end(tunnelId, failed, this.now);
  }
}

describe(`${ActiveProber.name}, of ${TUNNELS} tunnels`, () => {
  const edge = { value: uuidv7() } as EdgeId;
  const listeners: Server[] = [];
  let server: TestingServer;
  let agents: FakeAgentTargets;
  let turns: SteppedTurns;
  let prober: ActiveProber;
  /** By tunnel, how often it was probed. */
  let probed: Map<string, number>;

  beforeAll(async () => {
    server = await TestingServer.start();
    const visited = await listen(server.ports.next(), createServer());
    const machineIds: string[] = [];
    for (let i = 0; i < MACHINES; i++) {
      const { id, join } = await server.createMachine(`machine-${i}`);
      await server.enrol(join.token);
      const { checkPort } = await channels().findOneByOrFail({ machineId: id });
      const echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
      await listen(checkPort, echo);
      machineIds.push(id);
    }
    const one = (_: unknown, i: number) => tunnel(machineIds[i % MACHINES]!, visited);
    await tunnels().insert(Array.from({ length: TUNNELS }, one));
  });
  afterAll(async () => {
    for (const listener of listeners) listener.close();
    await server.stop();
  });

  beforeEach(async () => {
    await tunnels().update({ edgeId: edge.value }, { probedAt: null });
    const config = { probeIntervalMs: INTERVAL_S * 1_000 } as ServerConfig;
    const events = new ProbeEvents();
    const states = new TunnelStates(tunnels(), events);
    agents = new FakeAgentTargets();
    turns = new SteppedTurns(tunnels(), edge, config);
    prober = new ActiveProber(
      turns,
      new EdgeSight(server.get(RatholeServer), server.get(VisitorTraffic), config),
      new MachineLook(server.get(MachineService), channels(), agents),
      new Suspects(states),
      new ProbeLog(server.get(ProbeStore), states, events),
    );
    probed = new Map();
    events.probed.subscribe(({ tunnelId, result }) => {
      if (result.outcome !== 'passed') throw new Error(JSON.stringify(result));
      probed.set(tunnelId, (probed.get(tunnelId) ?? 0) + 1);
    });
  });

  const channels = () => server.database.getRepository(BackChannel);
  const tunnels = () => server.database.getRepository(Tunnel);
  const sum = (counts: Iterable<number>) => [...counts].reduce((all, count) => all + count, 0);

  async function listen(port: number, listener: Server): Promise<number> {
    listeners.push(listener);
    await once(listener.listen(port, '127.0.0.1'), 'listening');
    return (listener.address() as AddressInfo).port;
  }

  const tunnel = (machineId: string, port: number): Partial<Tunnel> => ({
    id: uuidv7(),
    edgeId: edge.value,
    machineId,
    protocol: 'tcp',
    target: '127.0.0.1:80',
    bindAddress: '127.0.0.1',
    port,
    tokenSealed: '',
    state: 'active',
    proof: 'accepted',
  });

  async function tick(seconds = 1): Promise<void> {
    turns.now += seconds * 1_000;
    await prober.tick();
  }

  const untilAllBegunAreOver = () =>
    until('what was begun is over', () => sum(probed.values()) === sum(turns.begun));

  async function round(): Promise<void> {
    for (let second = 0; second < INTERVAL_S; second++) {
      await tick();
      await untilAllBegunAreOver();
    }
    await prober.tick(); // which writes down what was found last
  }

  it('has each probed once in every interval, as many in one second as in another', async () => {
    await round();
    expect(turns.begun.every((count) => count <= PER_SECOND)).toBe(true);
    expect([probed.size, new Set(probed.values())]).toEqual([TUNNELS, new Set([1])]);

    // What the round took in truth, the clock of the database has to be put forward by.
    await server.database.query(
      `UPDATE "tunnel" SET "probed_at" = "probed_at" - $2 * interval '1 second'
       WHERE "edge_id" = $1`,
      [edge.value, INTERVAL_S],
    );
    await round();
    expect(turns.begun.every((count) => count <= PER_SECOND)).toBe(true);
    expect([probed.size, new Set(probed.values())]).toEqual([TUNNELS, new Set([2])]);
    expect(agents.most).toBeLessThanOrEqual(PER_SECOND);
  });

  it('has no more than a hundred under way, however late they are and however slow agents', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    agents.held = promise;
    for (let i = 0; i < 5; i++) await tick(INTERVAL_S);
    expect(turns.begun).toEqual([AT_ONCE, 0, 0, 0, 0]);
    await until('all are asked for', () => agents.open === AT_ONCE);
    resolve();
    await untilAllBegunAreOver();
    await tick(); // which gives their turns back
    await untilAllBegunAreOver();
    expect(turns.begun.at(-1)).toBe(PER_SECOND);
    expect(agents.most).toBe(AT_ONCE);
  });
});
