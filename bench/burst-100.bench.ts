import { firstByte } from './support/first-byte.js';
import { joinMachine, startEdge, startTarget } from './support/product.js';
import { newestRevision, untilConfirmed } from './support/revisions.js';
import type { Scene } from './support/scene.js';

const TUNNELS = 100;
const ROUNDS = 3;

/** Tunnels that are created by as many calls of the API at once. */
export async function burst100(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  const machine = await joinMachine(scene, edge, 'attic');
  const target = await startTarget(scene, edge);
  const rounds = { answered: [] as number[], served: [] as number[], confirmed: [] as number[] };
  let made = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    scene.note(`round ${round + 1} of ${ROUNDS}`);
    const { number: before } = await untilConfirmed(edge, machine.id);
    const calledAt = performance.now();
    const create = () => edge.createTunnel({ machineId: machine.id, target: target.address });
    const tunnels = await Promise.all(Array.from({ length: TUNNELS }, create));
    rounds.answered.push(performance.now() - calledAt);
    const patience = { everyMs: 50, timeoutMs: 60_000 };
    const served = tunnels.map(({ address }) => firstByte(address, patience));
    rounds.served.push(Math.max(...(await Promise.all(served))) - calledAt);
    await untilConfirmed(edge, machine.id);
    rounds.confirmed.push(performance.now() - calledAt);
    made = Math.max(made, (await newestRevision(edge, machine.id)).number - before);
    for (const { id } of tunnels) await edge.api('DELETE', `/tunnels/${id}`);
  }
  scene.report('revisions, most', made, 'count', { atMost: TUNNELS / 4 });
  scene.report('all calls answered, slowest round', Math.max(...rounds.answered), 'ms');
  scene.report('all tunnels serve, slowest round', Math.max(...rounds.served), 'ms');
  scene.report('confirmed, slowest round', Math.max(...rounds.confirmed), 'ms');
}
