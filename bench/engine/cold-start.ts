import { untilBound } from '../support/visits.js';
import { LONGEST_MS, nameOf, type Rig, type Setup } from './rig.js';

const STARTS: readonly Setup[] = [
  { engine: 'released', services: 200 },
  { engine: 'patched', services: 200 },
  { engine: 'released', services: 500 },
  { engine: 'patched', services: 500 },
  { engine: 'patched', services: 500, poolSize: 1 },
  { engine: 'patched', services: 500, poolSize: 8 },
  { engine: 'patched', services: 1_000, poolSize: 1 },
];

/** A server and one client with many services, started at the same moment. */
export async function coldStart(rig: Rig): Promise<void> {
  for (const setup of STARTS) {
    const name = `${setup.services} services`;
    rig.scene.note(`${name} from a cold start, ${nameOf(setup)}`);
    await rig.run(setup, async ({ ports, startedAt }) => {
      const { seconds, missing } = await untilBound(rig.scene, ports, startedAt, LONGEST_MS);
      rig.report(setup, `${name}, cold start`, seconds, 's', { atMost: 5 });
      rig.report(setup, `${name}, not up after 60 s`, missing, 'count', { atMost: 0 });
    });
  }
}
