import { firstByte } from './support/first-byte.js';
import { joinMachine, startEdge, startTarget } from './support/product.js';
import type { Scene } from './support/scene.js';
import { median, percentile } from './support/statistics.js';

const TUNNELS = 40;
/** The first ones find a server that has not done this yet. */
const WARM_UP = 5;

/** From the call of the API until a visitor has the first byte. */
export async function tunnelCreate(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  const machine = await joinMachine(scene, edge, 'attic');
  const target = await startTarget(scene, edge);
  const answered: number[] = [];
  const served: number[] = [];
  for (let i = 1; i <= WARM_UP + TUNNELS; i += 1) {
    scene.goOn();
    const calledAt = performance.now();
    const { id, address } = await edge.createTunnel({
      machineId: machine.id,
      target: target.address,
    });
    const answeredAt = performance.now();
    const servedAt = await firstByte(address, { everyMs: 2, timeoutMs: 20_000 });
    if (i > WARM_UP) {
      answered.push(answeredAt - calledAt);
      served.push(servedAt - calledAt);
    }
    await edge.activeTunnel(id);
    await edge.api('DELETE', `/tunnels/${id}`);
    if (i % 20 === 0) scene.note(`${i} of ${WARM_UP + TUNNELS} tunnels`);
  }
  scene.report('first byte, p50', median(served), 'ms', { atMost: 150 });
  scene.report('first byte, p95', percentile(served, 0.95), 'ms', { atMost: 400 });
  scene.report('first byte, least', Math.min(...served), 'ms');
  scene.report('first byte, most', Math.max(...served), 'ms');
  scene.report('answer of the API, p50', median(answered), 'ms');
  scene.report('answer of the API, p95', percentile(answered, 0.95), 'ms');
}
