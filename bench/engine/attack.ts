import { setTimeout as delay } from 'node:timers/promises';
import type { BareRathole } from '../support/bare-rathole.js';
import { fileHandlesOf, memoryOf } from '../support/proc.js';
import { median, percentile } from '../support/statistics.js';
import type { StrangerKind } from '../support/strangers.process.js';
import { untilServed, type Visits, visitsInARow } from '../support/visits.js';
import { ENGINES, type Rig, type Setup } from './rig.js';

const KINDS: readonly StrangerKind[] = ['silent', 'half a handshake', 'rubbish'];
const STRANGERS = 1_000;
const VISITS = 300;
/** With pauses, so that strangers are thrown out and come again while there are visits. */
const PATIENCE = { timeoutMs: 2_000, failures: 5, pauseMs: 20 };
const START_MS = 10_000;
/** Until a pool is full again, and what was closed is gone. */
const SETTLE_MS = 1_000;
const RELEASE_MS = 15_000;
const LOOK_MS = 50;

interface Usage {
  handles: number;
  residentMb: number;
}

/** What visitors meet, and what the server keeps, when strangers crowd its control port. */
export async function attack(rig: Rig): Promise<void> {
  for (const kind of KINDS) {
    for (const engine of ENGINES) await under(rig, { engine, services: 1 }, kind);
  }
}

async function under(rig: Rig, setup: Setup, kind: StrangerKind): Promise<void> {
  const { scene, strangers } = rig;
  scene.note(`${STRANGERS} × ${kind}, ${setup.engine}`);
  await rig.run(setup, async (rathole) => {
    const { address, controlAddress } = rathole;
    await untilServed(scene, address, START_MS);
    const before = await visitsInARow(scene, address, VISITS, PATIENCE);
    await delay(SETTLE_MS);
    const calm = usage(rathole);
    await strangers.ask({ does: 'come', kind, count: STRANGERS, address: controlAddress });
    const during = await visitsInARow(scene, address, VISITS, PATIENCE);
    const crowded = usage(rathole);
    await strangers.ask({ does: 'leave' });
    const after = await afterwards(rathole, calm);
    report(rig, setup, `1,000 × ${kind}`, { before, during, calm, crowded, after });
  });
}

/** Once it has as few handles as before, or has had its time. */
async function afterwards(rathole: BareRathole, calm: Usage): Promise<Usage> {
  const closedAt = performance.now();
  while (performance.now() - closedAt < RELEASE_MS && usage(rathole).handles > calm.handles) {
    await delay(LOOK_MS);
  }
  await delay(SETTLE_MS);
  return usage(rathole);
}

interface Measured {
  before: Visits;
  during: Visits;
  calm: Usage;
  crowded: Usage;
  after: Usage;
}

function report(
  rig: Rig,
  setup: Setup,
  name: string,
  { before, during, calm, crowded, after }: Measured,
): void {
  const p99 = (visits: Visits) => percentile(visits.ms, 0.99);
  rig.report(setup, `${name}, visits before, p50`, median(before.ms), 'ms');
  rig.report(setup, `${name}, visits before, p99`, p99(before), 'ms');
  rig.report(setup, `${name}, visits during, p50`, median(during.ms), 'ms');
  rig.report(setup, `${name}, visits during, p99`, p99(during), 'ms', { atMost: 50 });
  rig.report(setup, `${name}, visits during, failed`, during.failed, 'count', { atMost: 0 });
  rig.report(setup, `${name}, handles during`, crowded.handles - calm.handles, 'count');
  rig.report(setup, `${name}, handles after`, after.handles - calm.handles, 'count', { atMost: 0 });
  const moreMb = ({ residentMb }: Usage) => residentMb - calm.residentMb;
  rig.report(setup, `${name}, resident during`, moreMb(crowded), 'MB');
  rig.report(setup, `${name}, resident after`, moreMb(after), 'MB', { atMost: 4 });
}

function usage(rathole: BareRathole): Usage {
  const pid = rathole.pidOf('server');
  return { handles: fileHandlesOf(pid), residentMb: memoryOf(pid).residentMb };
}
