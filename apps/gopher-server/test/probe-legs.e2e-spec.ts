import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import {
  DelayRelay,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
  whyNoDelayRelay,
} from '../../../test/product/index.js';

const INTERVAL_S = 5;
/** All alike: so many probes come in one interval. */
const TUNNELS = 4;
const PROBES = 16;
const DELAY_MS = 80;
const TOLERANCE_MS = 10;
/** It is the sum of three legs. */
const TOTAL_TOLERANCE_MS = 3 * TOLERANCE_MS;
const RATHOLE_PORT = 2_333;
const TARGET_PORT = 8_080;
const ANSWERS_AFTER_MS = 30;

const LEGS = ['edgeToMachineMs', 'machineToTargetMs', 'firstByteMs', 'totalMs'] as const;
type Legs = Record<(typeof LEGS)[number], number>;

interface ProbesView {
  recent: (Record<(typeof LEGS)[number], number | null> & { at: string; outcome: string })[];
}

const missing = whyNoDelayRelay();
if (missing !== null) console.log(`Delays of single legs are not tested: ${missing}`);

/** Real packets on real ways, each through a relay that holds them for as long as it is told. */
describe.skipIf(missing !== null)('a delay on one leg of a tunnel', () => {
  const stack = new AsyncDisposableStack();
  let toMachine: DelayRelay;
  let toTarget: DelayRelay;
  let edge: TestEdge;
  let tunnels: TunnelView[];
  let quiet: Legs;

  beforeAll(async () => {
    toMachine = stack.use(await DelayRelay.open());
    toTarget = stack.use(await DelayRelay.open());
    edge = await TestEdge.start({
      GOPHER_PROBE_INTERVAL_SECONDS: String(INTERVAL_S),
      GOPHER_RATHOLE_BIND: `${toMachine.near}:${RATHOLE_PORT}`,
      GOPHER_RATHOLE_PUBLIC: `${toMachine.far}:${RATHOLE_PORT}`,
    });
    stack.defer(() => edge.stop());
    const machine = await TestMachine.join(edge, 'attic');
    stack.defer(() => machine.stop());
    const target = await slowTarget(toTarget.near);
    stack.defer(() => void target.close());
    const create = () =>
      edge.api<TunnelView>('POST', '/tunnels', {
        machineId: machine.id,
        target: `${toTarget.far}:${TARGET_PORT}`,
        speaks: 'http',
      });
    tunnels = await Promise.all(Array.from({ length: TUNNELS }, create));
    await Promise.all(tunnels.map(({ id }) => edge.activeTunnel(id)));
    quiet = await medians();
  });
  afterAll(() => stack.disposeAsync());

  afterEach(async () => {
    for (const relay of [toMachine, toTarget]) {
      relay.delay(0);
      await relay.report();
    }
  });

  /** Of the next probes. */
  async function medians(): Promise<Legs> {
    // A probe that is under way now has seen the time before.
    const from = Date.now() + 2_000;
    const probes = await until(
      `${PROBES} probes passed`,
      async () => {
        const views = await Promise.all(
          tunnels.map(({ id }) => edge.api<ProbesView>('GET', `/tunnels/${id}/probes`)),
        );
        const fresh = views
          .flatMap(({ recent }) => recent)
          .filter(({ at }) => Date.parse(at) > from);
        expect(fresh.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
        return fresh.length >= PROBES && fresh;
      },
      (PROBES / TUNNELS + 4) * INTERVAL_S * 1_000,
    );
    const ofLeg = (leg: (typeof LEGS)[number]) => median(probes.map((probe) => probe[leg]!));
    return Object.fromEntries(LEGS.map((leg) => [leg, ofLeg(leg)])) as Legs;
  }

  /** What the medians moved by, and what the relay itself measured. */
  async function delayed(relay: DelayRelay) {
    relay.delay(DELAY_MS);
    await relay.report();
    const now = await medians();
    const { connectMs, lateMs } = await relay.report();
    const moved = Object.fromEntries(LEGS.map((leg) => [leg, now[leg] - quiet[leg]])) as Legs;
    console.log(
      `${JSON.stringify(rounded({ quiet, now, moved }))} relay: ${connectMs.length} connections, ` +
        `median ${median(connectMs).toFixed(1)} ms, a packet late by ${lateMs.toFixed(1)} ms at most`,
    );
    return { moved, relayedMs: median(connectMs) };
  }

  it('from the edge to the machine shows there, and nowhere else', async () => {
    const { moved, relayedMs } = await delayed(toMachine);
    expect(relayedMs).toBeGreaterThanOrEqual(DELAY_MS);
    expectNear(moved.edgeToMachineMs, relayedMs);
    expectNear(moved.machineToTargetMs, 0);
    expectNear(moved.firstByteMs, 0);
    // A visitor waits for one round trip: the way to the machine is kept open.
    expectNear(moved.totalMs, relayedMs, TOTAL_TOLERANCE_MS);
  }, 120_000);

  it('from the machine to the target shows there, and nowhere else', async () => {
    const { moved, relayedMs } = await delayed(toTarget);
    expect(relayedMs).toBeGreaterThanOrEqual(DELAY_MS);
    expectNear(moved.edgeToMachineMs, 0);
    expectNear(moved.machineToTargetMs, relayedMs);
    expectNear(moved.firstByteMs, 0);
    // A visitor waits for two round trips: one connects, one asks.
    expectNear(moved.totalMs, 2 * relayedMs, TOTAL_TOLERANCE_MS);
  }, 120_000);

  it('is told apart from a service that is slow itself', () => {
    expectNear(quiet.firstByteMs, ANSWERS_AFTER_MS);
    expect(quiet.machineToTargetMs).toBeLessThan(TOLERANCE_MS);
    expect(quiet.edgeToMachineMs).toBeLessThan(TOLERANCE_MS);
  });
});

function expectNear(value: number, expected: number, tolerance = TOLERANCE_MS): void {
  const distance = Math.abs(value - expected);
  expect(distance, `${value} ms, expected ${expected} ms`).toBeLessThan(tolerance);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const rounded = (legs: Record<string, Legs>) =>
  Object.fromEntries(
    Object.entries(legs).map(([name, its]) => [
      name,
      LEGS.map((leg) => Math.round(its[leg] * 10) / 10),
    ]),
  );

async function slowTarget(host: string): Promise<Server> {
  const server = createServer((_, response) => {
    setTimeout(() => response.end('late'), ANSWERS_AFTER_MS);
  });
  server.listen(TARGET_PORT, host);
  await once(server, 'listening');
  return server;
}
