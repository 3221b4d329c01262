import { until } from '../test/product/index.js';
import { joinMachine, startEdge, startTarget } from './support/product.js';
import { newestRevision, untilConfirmed } from './support/revisions.js';
import type { Scene } from './support/scene.js';
import { median, percentile } from './support/statistics.js';

const CHANGES = 40;
/** The first ones find a server that has not done this yet. */
const WARM_UP = 5;

/** From the call of the API until the edge has confirmed the revision that came of it. */
export async function pushLatency(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  const machine = await joinMachine(scene, edge, 'attic');
  const target = await startTarget(scene, edge);
  const took = { created: [] as number[], removed: [] as number[] };
  const measure = async (into: number[], change: () => Promise<unknown>) => {
    const { number } = await untilConfirmed(edge, machine.id);
    const calledAt = performance.now();
    await change();
    await until('its revision is confirmed', async () => {
      const newest = await newestRevision(edge, machine.id);
      return newest.number > number && newest.outcome === 'applied';
    });
    into.push(performance.now() - calledAt);
  };
  for (let i = 0; i < WARM_UP + CHANGES; i += 1) {
    scene.goOn();
    let id = '';
    await measure(took.created, async () => {
      const tunnel = { machineId: machine.id, target: target.address };
      id = (await edge.createTunnel(tunnel)).id;
    });
    await measure(took.removed, () => edge.api('DELETE', `/tunnels/${id}`));
    if (i % 20 === 0) scene.note(`${i} of ${WARM_UP + CHANGES} changes`);
  }
  for (const [change, all] of Object.entries(took)) {
    const ms = all.slice(WARM_UP);
    scene.report(`tunnel ${change}, confirmed, p50`, median(ms), 'ms');
    scene.report(`tunnel ${change}, confirmed, p95`, percentile(ms, 0.95), 'ms');
  }
}
