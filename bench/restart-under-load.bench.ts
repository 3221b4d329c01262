import { setTimeout as delay } from 'node:timers/promises';
import {
  Download,
  IdleConnection,
  TcpTarget,
  type TestEdge,
  until,
  Visitors,
} from '../test/product/index.js';
import { startProduct } from './support/product.js';
import type { Scene } from './support/scene.js';

const ROUNDS = 3;
const CONNECTIONS = 20;
const ECHO_EVERY_MS = 100;
/** Before and after each end of the server. */
const UNDISTURBED_MS = 2_000;

/** gopher-server ends and starts again, while visitors come, hold connections and download. */
export async function restartUnderLoad(scene: Scene): Promise<void> {
  const { edge, machine, target, tunnel } = await startProduct(scene);
  const echoing = await scene.own(
    () => TcpTarget.listen(edge.ports.next()),
    (echo) => echo.stop(),
  );
  const echoTunnel = await edge.publish(machine.id, echoing.address);

  const visitors = new Visitors(tunnel.address, target.name, 4);
  const download = new Download(tunnel.address);
  const held = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => Held.open(scene, echoTunnel.address)),
  );
  await until('the load runs', () => visitors.served > 20 && download.bytes > 0);
  const readyMs: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      scene.note(`${signal}, ${round} of ${ROUNDS}`);
      await delay(UNDISTURBED_MS);
      readyMs.push(await restart(scene, edge, signal));
      await delay(UNDISTURBED_MS);
    }
  }

  const { served, failures, longestMs } = await visitors.end();
  const [sent] = target.endStreams();
  const complete = (await download.sha256.catch(() => 'broke off')) === sent;
  const dropped = held.filter(({ broken }) => broken).length + (complete ? 0 : 1);
  for (const connection of held) connection.close();
  for (const failure of failures.slice(0, 5)) scene.note(failure);
  scene.report('connections dropped', dropped, 'count', { atMost: 0 });
  scene.report('requests failed', failures.length, 'count', { atMost: 0 });
  scene.report('connections held', CONNECTIONS + 1, 'count');
  scene.report('requests served', served, 'count');
  scene.report('longest request', longestMs, 'ms');
  scene.report('times ended', ROUNDS * 2, 'count');
  scene.report('start until ready, most', Math.max(...readyMs), 'ms');
}

async function restart(scene: Scene, edge: TestEdge, signal: 'SIGTERM' | 'SIGKILL') {
  await edge.endServer(signal);
  const began = performance.now();
  await scene.own(
    () => edge.startServer(),
    () => edge.endServer('SIGTERM'),
  );
  return performance.now() - began;
}

/** A connection on which something is said and answered again and again. */
class Held {
  broken = false;
  private closed = false;

  private constructor(private readonly connection: IdleConnection) {
    void this.talk();
  }

  static async open(scene: Scene, address: string): Promise<Held> {
    return scene.own(
      async () => new Held(await IdleConnection.open(address)),
      (held) => held.close(),
    );
  }

  close(): void {
    this.closed = true;
    this.connection.close();
  }

  private async talk(): Promise<void> {
    for (let said = 0; !this.closed && !this.broken; said += 1) {
      try {
        const answer = await this.connection.echo(`still there? ${said}`);
        if (answer !== `still there? ${said}`) throw new Error(`got ${answer}`);
        await delay(ECHO_EVERY_MS);
      } catch {
        this.broken = !this.closed;
      }
    }
  }
}
