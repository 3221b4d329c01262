import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  HttpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  untilServes,
  visit,
} from '../../../test/product/index.js';

const SETTINGS = { GOPHER_PROBE_INTERVAL_SECONDS: '5' };
const TUNNELS_EACH = 3;
const SERVES_WITHIN_MS = 20_000;
/** How long a reader of a stream stays. */
const STAYS_MS = 8_000;
const FEWEST_RUNS = 3;

interface Scene {
  edge: TestEdge;
  machines: TestMachine[];
  target: HttpTarget;
  tunnels: TunnelView[];
}

/** What goes on during a soak, again and again. It rejects when it did not go as it should. */
interface Activity {
  name: string;
  everyMs: number;
  /** Ends early, and without a fault, when the signal says so. */
  run: (scene: Scene, signal: AbortSignal) => Promise<unknown>;
}

const READS = ['metrics', 'logs', 'logs/download', 'status', 'revisions'];

const ACTIVITIES: Activity[] = [
  { name: 'a visit of every tunnel', everyMs: 250, run: visitAll },
  { name: 'a tunnel comes and goes', everyMs: 2_000, run: comeAndGo },
  { name: 'a reader of events', everyMs: 1_000, run: readEvents },
  { name: 'a reader of events who does not read', everyMs: 3_000, run: stall },
  { name: 'a follower of logs', everyMs: 2_000, run: followLogs },
  {
    name: 'everything of a machine that can be read',
    everyMs: 3_000,
    run: ({ edge, machines }) =>
      inTurn(machines, ({ id }) =>
        inTurn(READS, (what) => edge.api('GET', `/machines/${id}/${what}`)),
      ),
  },
  {
    name: 'everything of the edge that can be read',
    everyMs: 3_000,
    run: ({ edge }) =>
      inTurn(['', '/metrics', '/logs', '/logs/download'], (what) =>
        edge.api('GET', `/edge${what}`),
      ),
  },
  {
    name: 'the probes of every tunnel',
    everyMs: 3_000,
    run: ({ edge, tunnels }) =>
      inTurn(tunnels, ({ id }) => edge.api('GET', `/tunnels/${id}/probes`)),
  },
  { name: 'a scrape of /metrics', everyMs: 5_000, run: scrape },
  {
    name: 'a diagnosis of everything',
    everyMs: 15_000,
    run: async ({ edge, machines, tunnels }) => {
      await edge.api('POST', '/edge/diagnose');
      await inTurn(machines, ({ id }) => edge.api('POST', `/machines/${id}/diagnose`));
      await inTurn(tunnels.slice(0, 2), ({ id }) => edge.api('POST', `/tunnels/${id}/diagnose`));
    },
  },
];

/** An edge and two machines with all that goes on there when many look at them. */
export class Soak implements AsyncDisposable {
  readonly runs: Record<string, number> = {};
  readonly failures: string[] = [];

  private constructor(
    private readonly scene: Scene,
    private readonly stack: AsyncDisposableStack,
  ) {}

  static async start(): Promise<Soak> {
    await using stack = new AsyncDisposableStack();
    const edge = stack.adopt(await TestEdge.start(SETTINGS), (one) => one.stop());
    const machines: TestMachine[] = [];
    for (const name of ['attic', 'barn']) {
      machines.push(stack.adopt(await TestMachine.join(edge, name), (one) => one.stop()));
    }
    const target = stack.adopt(await HttpTarget.start(edge.ports.next()), (one) => one.close());
    const tunnels: TunnelView[] = [];
    for (const { id: machineId } of machines) {
      for (let i = 0; i < TUNNELS_EACH; i += 1) {
        const speaks = i === 0 ? {} : { speaks: 'http' };
        const input = { machineId, target: target.address, ...speaks };
        const { id } = await edge.api<TunnelView>('POST', '/tunnels', input);
        tunnels.push(await edge.activeTunnel(id));
      }
    }
    return new Soak({ edge, machines, target, tunnels }, stack.move());
  }

  /** Every process of the product, by name. */
  pids(): Record<string, number> {
    const { edge, machines } = this.scene;
    return {
      'gopher-server': edge.serverPid,
      'rathole-server': edge.enginePid('rathole-server'),
      postgres: edge.enginePid('postgres'),
      ...Object.fromEntries(
        machines.flatMap((machine) => [
          [`agent ${machine.name}`, machine.agent!.pid],
          [`control ${machine.name}`, machine.clientPid('control')],
          [`data ${machine.name}`, machine.clientPid('data')],
        ]),
      ),
    };
  }

  /** Everything at once, until the signal; what fails is written down. */
  async goOn(signal: AbortSignal): Promise<void> {
    await Promise.all(
      ACTIVITIES.map(async (activity) => {
        this.runs[activity.name] = 0;
        while (!signal.aborted) {
          await this.once(activity, signal);
          await delay(activity.everyMs, null, { signal }).catch(() => {});
        }
      }),
    );
  }

  /** What hardly happened shows nothing. */
  get neglected(): string[] {
    return Object.keys(this.runs).filter((name) => this.runs[name]! < FEWEST_RUNS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }

  private async once({ name, run }: Activity, signal: AbortSignal): Promise<void> {
    try {
      await run(this.scene, signal);
      this.runs[name]! += 1;
    } catch (error) {
      this.failures.push(`${new Date().toISOString()} ${name}: ${String(error)}`);
    }
  }
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (const item of items) await work(item);
}

async function visitAll({ tunnels, target }: Scene): Promise<void> {
  await inTurn(tunnels, async ({ address }) => {
    const body = await visit(address);
    if (body !== target.name) throw new Error(`${address} gave ${JSON.stringify(body)}`);
  });
}

async function comeAndGo({ edge, machines, target }: Scene): Promise<void> {
  const { id: machineId } = machines[Math.floor(Math.random() * machines.length)]!;
  const { id, address } = await edge.createTunnel({ machineId, target: target.address });
  await untilServes(address, target.name, SERVES_WITHIN_MS);
  await edge.api('DELETE', `/tunnels/${id}`);
}

async function readEvents({ edge, machines }: Scene, signal: AbortSignal): Promise<void> {
  const about = ['edge', ...machines.map(({ id }) => id)].map((one) => `&about=${one}`).join('');
  const text = await readFor(edge, `/events?topics=status,metrics,events,logs${about}`, signal);
  if (text !== null && !text.includes('event: metrics')) throw new Error('no metrics came');
}

async function followLogs({ edge, machines }: Scene, signal: AbortSignal): Promise<void> {
  const paths = ['/edge/logs/follow', ...machines.map(({ id }) => `/machines/${id}/logs/follow`)];
  const texts = await Promise.all(paths.map((path) => readFor(edge, path, signal)));
  const silent = paths.filter((_, i) => texts[i] !== null && !texts[i]!.includes('event: log'));
  if (silent.length > 0) throw new Error(`no entry came of ${silent.join(', ')}`);
}

/** Opens the same and takes nothing from it. */
async function stall({ edge }: Scene, signal: AbortSignal): Promise<void> {
  const response = await open(edge, '/events?topics=metrics,events,status');
  response.pause();
  await delay(STAYS_MS, null, { signal }).catch(() => {});
  response.destroy();
}

/** Resolves with what came while it stayed; null: it had to leave early. */
async function readFor(edge: TestEdge, path: string, signal: AbortSignal): Promise<string | null> {
  const response = await open(edge, path);
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(response, 'end').then(() => 'ended');
  const left = await Promise.race([ended, delay(STAYS_MS, 'left', { signal }).catch(() => null)]);
  response.destroy();
  if (left === 'ended') throw new Error(`${path} ended after ${JSON.stringify(text.slice(-200))}`);
  return left && text;
}

async function open(edge: TestEdge, path: string): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${edge.token}` };
  const request = get(`${edge.url}/api/v1${path}`, { agent: false, headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => {}); // it is left in the middle
  if (response.statusCode === 200) return response;
  response.destroy();
  throw new Error(`${path} answered ${response.statusCode}`);
}

async function scrape({ edge }: Scene): Promise<void> {
  const token = readFileSync(join(edge.stateDir, 'metrics-token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${edge.url}/metrics`, { headers });
  const text = await response.text();
  if (!response.ok || !text.includes('# TYPE ')) throw new Error(`${response.status} ${text}`);
}
