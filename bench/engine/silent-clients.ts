import { untilServed, visitsInARow } from '../support/visits.js';
import { ENGINES, type Rig, type Setup } from './rig.js';

const FEW = 6;
const MANY = 200;
const VISITS = 20;
/** The released one needs some 30 s for six. */
const PATIENCE_MS = 40_000;

/** What visitors and a client that returns meet while others connect and say nothing. */
export async function silentClients(rig: Rig): Promise<void> {
  for (const engine of ENGINES) await besides(rig, { engine, services: 1 }, FEW);
  await besides(rig, { engine: 'patched', services: 1 }, MANY);
}

async function besides(rig: Rig, setup: Setup, count: number): Promise<void> {
  const { scene, strangers } = rig;
  scene.note(`${count} silent clients, ${setup.engine}`);
  await rig.run(setup, async (rathole) => {
    const { address, controlAddress } = rathole;
    await untilServed(scene, address, PATIENCE_MS);
    await strangers.ask({ does: 'come', kind: 'silent', count, address: controlAddress });
    const patience = { timeoutMs: PATIENCE_MS, failures: 1 };
    const { ms } = await visitsInARow(scene, address, VISITS, patience);
    const killedAt = performance.now();
    await rathole.restart('client-0');
    const endedMs = performance.now() - killedAt;
    const returnedMs = endedMs + (await untilServed(scene, address, PATIENCE_MS));
    await strangers.ask({ does: 'leave' });
    const name = `${count} silent`;
    rig.report(setup, `${name}, longest visit`, Math.max(...ms) / 1_000, 's', { atMost: 0.5 });
    rig.report(setup, `${name}, return of a client`, returnedMs / 1_000, 's', { atMost: 2 });
  });
}
