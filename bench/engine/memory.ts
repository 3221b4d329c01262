import { setTimeout as delay } from 'node:timers/promises';
import { memoryOf } from '../support/proc.js';
import { untilAllServe } from '../support/visits.js';
import { nameOf, type Rig, type Setup } from './rig.js';

const FEW = 1;
const MANY = 200;
/** The released one leaves some unserved, however long one waits. */
const START_MS = 15_000;
/** Until pools are full, and idle. */
const SETTLE_MS = 3_000;

type Kind = Omit<Setup, 'services'>;

const KINDS: readonly Kind[] = [
  { engine: 'released' },
  { engine: 'patched' },
  { engine: 'patched', poolSize: 1 },
  { engine: 'patched', poolSize: 8 },
];

interface Resident {
  served: number;
  serverMb: number;
  clientMb: number;
}

/** What one more service costs that is served and idle. */
export async function memory(rig: Rig): Promise<void> {
  for (const kind of KINDS) {
    rig.scene.note(`memory, ${nameOf(kind)}`);
    const few = await resident(rig, kind, FEW);
    const many = await resident(rig, kind, MANY);
    const kbEach = (side: 'serverMb' | 'clientMb') =>
      ((many[side] - few[side]) * 1_024) / (many.served - few.served);
    rig.report(kind, 'server, resident a service', kbEach('serverMb'), 'KB', { atMost: 400 });
    rig.report(kind, 'client, resident a service', kbEach('clientMb'), 'KB');
  }
}

async function resident(rig: Rig, kind: Kind, services: number): Promise<Resident> {
  return rig.run({ ...kind, services }, async (rathole) => {
    const { ports, startedAt } = rathole;
    const { missing } = await untilAllServe(rig.scene, ports, startedAt, START_MS);
    await delay(SETTLE_MS);
    return {
      served: services - missing,
      serverMb: memoryOf(rathole.pidOf('server')).residentMb,
      clientMb: memoryOf(rathole.pidOf('client-0')).residentMb,
    };
  });
}
