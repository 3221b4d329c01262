import { setTimeout as delay } from 'node:timers/promises';
import { memoryOf } from '../support/proc.js';
import { untilAllServe } from '../support/visits.js';
import { LONGEST_MS, nameOf, type Rig, type Setup } from './rig.js';

const FEW = 1;
/** Until pools are full, and idle. */
const SETTLE_MS = 3_000;

const SETUPS: readonly Setup[] = [
  // With more of them its pools are never full.
  { engine: 'released', services: 50 },
  { engine: 'patched', services: 200 },
  { engine: 'patched', services: 200, poolSize: 1 },
  { engine: 'patched', services: 200, poolSize: 8 },
];

interface Resident {
  serverMb: number;
  clientMb: number;
}

/** What one more service costs that is served and idle. */
export async function memory(rig: Rig): Promise<void> {
  for (const setup of SETUPS) {
    rig.scene.note(`memory, ${nameOf(setup)}`);
    const few = await resident(rig, { ...setup, services: FEW });
    const many = await resident(rig, setup);
    const kbEach = (side: keyof Resident) =>
      ((many[side] - few[side]) * 1_024) / (setup.services - FEW);
    rig.report(setup, 'server, resident a service', kbEach('serverMb'), 'KB', { atMost: 400 });
    rig.report(setup, 'client, resident a service', kbEach('clientMb'), 'KB');
  }
}

async function resident(rig: Rig, setup: Setup): Promise<Resident> {
  return rig.run(setup, async (rathole) => {
    const { ports, startedAt } = rathole;
    const { missing } = await untilAllServe(rig.scene, ports, startedAt, LONGEST_MS);
    if (missing > 0) rig.scene.note(`${missing} of ${setup.services} services were not served`);
    await delay(SETTLE_MS);
    return {
      serverMb: memoryOf(rathole.pidOf('server')).residentMb,
      clientMb: memoryOf(rathole.pidOf('client-0')).residentMb,
    };
  });
}
