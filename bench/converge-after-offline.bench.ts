import { TestEdge, until } from '../test/product/index.js';
import { startFleet } from './support/fleet.js';
import { getRathole } from './support/get-rathole.js';
import { untilConfirmed } from './support/revisions.js';
import type { Scene } from './support/scene.js';
import { median } from './support/statistics.js';

const MACHINES = 50;
const [OLD, NEW] = ['192.168.0.1:80', '192.168.0.2:80'];

/** Machines that cannot be reached while their tunnels change, and come back at the same moment. */
export async function convergeAfterOffline(scene: Scene): Promise<void> {
  scene.note('starting an edge');
  // Fakes have no rathole that could open a port, for which a patched one is asked.
  const edge = await scene.own(
    () => TestEdge.start({ GOPHER_RATHOLE: getRathole('--released') }),
    (edge) => edge.stop(),
  );
  await edge.endServer('SIGTERM');
  const fleet = await startFleet(scene, edge, MACHINES);
  await scene.own(
    () => edge.startServer(),
    () => edge.endServer('SIGTERM'),
  );
  const machines = await list(edge);
  const tunnels = await Promise.all(
    machines.map(({ id }) => edge.createTunnel({ machineId: id, target: OLD })),
  );
  await Promise.all(machines.map(({ id }) => untilConfirmed(edge, id)));

  process.kill(fleet.pid, 'SIGSTOP');
  scene.note('they are out of reach, and every tunnel is changed');
  for (const { id } of tunnels) await edge.api('PATCH', `/tunnels/${id}`, { target: NEW });
  await until('every agent is missed', async () =>
    (await list(edge)).every(({ agentStatus }) => agentStatus !== 'up'),
  );
  const backAt = performance.now();
  process.kill(fleet.pid, 'SIGCONT');
  const took = await Promise.all(
    machines.map(async ({ id }) => {
      await untilConfirmed(edge, id);
      return performance.now() - backAt;
    }),
  );
  scene.report(`${MACHINES} machines, half have what they should`, median(took) / 1_000, 's');
  scene.report(`${MACHINES} machines, all have`, Math.max(...took) / 1_000, 's', { atMost: 10 });
}

async function list(edge: TestEdge): Promise<{ id: string; agentStatus: string }[]> {
  const path = '/machines?limit=100';
  return (await edge.api<{ items: { id: string; agentStatus: string }[] }>('GET', path)).items;
}
