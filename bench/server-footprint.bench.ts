import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../test/product/index.js';
import { startFleet } from './support/fleet.js';
import { cpuMsOf, fileHandlesOf, memoryOf } from './support/proc.js';
import { startEdge } from './support/product.js';
import type { Scene } from './support/scene.js';
import { median } from './support/statistics.js';

const MACHINES = 100;
/** Longer than a minute, so that a sweep falls into it. */
const WATCHED_S = 65;

/** A gopher-server that was started with machines, while it hears of all of them. */
export async function serverFootprint(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  await edge.endServer('SIGTERM');
  const fleet = await startFleet(scene, edge, MACHINES);
  await scene.own(
    () => edge.startServer(),
    () => edge.endServer('SIGTERM'),
  );
  const idleMb = memoryOf(edge.serverPid).residentMb;
  await until(
    'every agent is watched',
    async () => (await fleet.ask({ does: 'count' })).watchers === MACHINES,
  );
  scene.note(`watching it for ${WATCHED_S} s`);
  const cpuBefore = cpuMsOf(edge.serverPid);
  const resident: number[] = [];
  for (let second = 0; second < WATCHED_S; second += 1) {
    await delay(1_000);
    scene.goOn();
    resident.push(memoryOf(edge.serverPid).residentMb);
  }
  const cpuShare = (cpuMsOf(edge.serverPid) - cpuBefore) / (WATCHED_S * 1_000);
  const { watchers } = await fleet.ask({ does: 'count' });
  if (watchers !== MACHINES) throw new Error(`${watchers} of ${MACHINES} agents are watched`);
  scene.report('resident, most', Math.max(...resident), 'MB', { atMost: 180 });
  scene.report('resident, median', median(resident), 'MB');
  scene.report('resident at its start', idleMb, 'MB');
  scene.report('anonymous', memoryOf(edge.serverPid).anonymousMb, 'MB');
  scene.report('CPU', cpuShare * 100, '% of a core');
  scene.report('file handles', fileHandlesOf(edge.serverPid), 'count');
}
