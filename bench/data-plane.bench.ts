import { until } from '../test/product/index.js';
import { BareRathole } from './support/bare-rathole.js';
import { Conversation, download, LoadTarget, newConnection, upload } from './support/load.js';
import { cpuMsOf } from './support/proc.js';
import { joinMachine, startEdge } from './support/product.js';
import type { Scene } from './support/scene.js';
import { median, percentile } from './support/statistics.js';

const BYTES = 32 * 1_024 * 1_024;
const TRANSFERS = 60;
const CONNECTIONS = 2_000;
const MESSAGES = 5_000;
/** Each takes some 90 ms through a released rathole. */
const HALVED_MESSAGES = 60;
/** How a kernel acknowledges differs from connection to connection. */
const TALKING = 4;
const WARM_UP = 3;

const WAYS = ['gopher', 'bare', 'direct'] as const;
type Way = (typeof WAYS)[number];
type Addresses = Record<Way, string>;
type Figures = Record<Way, number[]>;

/** The same load through a Gopher tunnel, through bare rathole and without either, taking turns. */
export async function dataPlane(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  const machine = await joinMachine(scene, edge, 'attic');
  const target = await scene.own(
    () => LoadTarget.listen(edge.ports.next()),
    (target) => target.close(),
  );
  const bare = `127.0.0.1:${edge.ports.next()}`;
  const pair = await scene.own(
    () =>
      BareRathole.start({
        rathole: process.env.GOPHER_RATHOLE!,
        controlPort: edge.ports.next(),
        address: bare,
        target: target.address,
      }),
    (pair) => pair.stop(),
  );
  const tunnel = await edge.publish(machine.id, target.address);
  const addresses = { gopher: tunnel.address, bare, direct: target.address };
  await until('bare rathole serves', async () => (await newConnection(bare)) > 0);

  const rathole = {
    gopher: [edge.enginePid('rathole-server'), machine.clientPid('data')],
    bare: pair.pids,
    direct: [],
  };
  for (const [name, transfer] of [
    ['download', download],
    ['upload', upload],
  ] as const) {
    scene.note(`${name}s`);
    const cpuMs: Figures = { gopher: [], bare: [], direct: [] };
    const rates = await inTurns(scene, TRANSFERS, async (way) => {
      const before = cpuMsOfAll(rathole[way]);
      const rate = await transfer(addresses[way], BYTES);
      cpuMs[way].push(cpuMsOfAll(rathole[way]) - before);
      return rate;
    });
    reportRatio(scene, `${name} ÷ bare`, ratios(rates.gopher, rates.bare));
    const cpuRatio = median(cpuMs.bare) / median(cpuMs.gopher);
    scene.report(`${name}, CPU of rathole, bare ÷ gopher`, cpuRatio, 'ratio');
    for (const way of WAYS) scene.report(`${name}, ${way}`, median(rates[way]), 'MB/s');
  }
  scene.note('new connections');
  const opening = await inTurns(scene, CONNECTIONS, (way) => newConnection(addresses[way]));
  reportLatency(scene, 'new connection', opening, 0.97);
  scene.note('small messages, whole and in halves');
  reportLatency(scene, '64 B', await talk(scene, addresses, false, MESSAGES));
  reportLatency(scene, '2 × 32 B', await talk(scene, addresses, true, HALVED_MESSAGES));
}

/** Whoever begins has it different from who follows: each begins equally often. */
async function inTurns(
  scene: Scene,
  rounds: number,
  measure: (way: Way) => Promise<number>,
): Promise<Figures> {
  const figures: Figures = { gopher: [], bare: [], direct: [] };
  for (let round = -WARM_UP; round < rounds; round += 1) {
    scene.goOn();
    const first = (round + WARM_UP) % WAYS.length;
    for (const way of [...WAYS.slice(first), ...WAYS.slice(0, first)]) {
      const figure = await measure(way);
      if (round >= 0) figures[way].push(figure);
    }
  }
  return figures;
}

async function talk(scene: Scene, to: Addresses, inHalves: boolean, messages: number) {
  const conversations = new Map<Way, Conversation[]>();
  for (const way of WAYS) {
    const open = () =>
      scene.own(
        () => Conversation.open(to[way], inHalves),
        (conversation) => conversation.close(),
      );
    conversations.set(way, await Promise.all(Array.from({ length: TALKING }, open)));
  }
  let turn = 0;
  return inTurns(scene, messages, (way) => {
    const all = conversations.get(way)!;
    return all[Math.floor(turn++ / WAYS.length) % all.length]!.roundTrip();
  });
}

const cpuMsOfAll = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);

/** Of what was measured right after each other. */
const ratios = (of: readonly number[], by: readonly number[]) =>
  of.map((value, i) => value / by[i]!);

function reportRatio(scene: Scene, metric: string, values: readonly number[]): void {
  scene.report(`${metric}, median`, median(values), 'ratio', { atLeast: 0.97 });
  scene.report(`${metric}, lower quartile`, percentile(values, 0.25), 'ratio');
  scene.report(`${metric}, upper quartile`, percentile(values, 0.75), 'ratio');
}

/** As ratios of speed: above 1 says that Gopher's was quicker. */
function reportLatency(scene: Scene, metric: string, ms: Figures, atLeast?: number): void {
  const at = (way: Way, share: number) => percentile(ms[way], share);
  scene.report(
    `${metric}, bare ÷ gopher, p50`,
    at('bare', 0.5) / at('gopher', 0.5),
    'ratio',
    atLeast === undefined ? {} : { atLeast },
  );
  scene.report(`${metric}, bare ÷ gopher, p99`, at('bare', 0.99) / at('gopher', 0.99), 'ratio');
  for (const way of WAYS) {
    scene.report(`${metric}, ${way}, p50`, at(way, 0.5), 'ms');
    scene.report(`${metric}, ${way}, p99`, at(way, 0.99), 'ms');
  }
  scene.report(`${metric}, more than direct, p50`, at('gopher', 0.5) - at('direct', 0.5), 'ms');
}
