import { untilAllServe } from '../support/visits.js';
import { LONGEST_MS, nameOf, type Rig, type Setup } from './rig.js';

const SIZE = { services: 1_000, clients: 100 };
const SETUPS: readonly Setup[] = [
  { ...SIZE, engine: 'released' },
  { ...SIZE, engine: 'patched' },
  // As if the clients had addresses of their own: as many as from all together.
  { ...SIZE, engine: 'patched', perAddress: 2_048 },
];
/** The released one leaves most unserved, however long one waits. */
const START_MS = 20_000;

/** A server with many clients is killed and started again, and all of them come back at once. */
export async function returningServer(rig: Rig): Promise<void> {
  for (const setup of SETUPS) {
    rig.scene.note(`1,000 services of 100 clients, ${nameOf(setup)}`);
    await rig.run(setup, async (rathole) => {
      const { ports, startedAt } = rathole;
      const { missing } = await untilAllServe(rig.scene, ports, startedAt, START_MS);
      rig.scene.note('the server is killed, and started again');
      const killedAt = performance.now();
      await rathole.restart('server');
      const back = await untilAllServe(rig.scene, ports, killedAt, LONGEST_MS);
      const name = '1,000 services';
      rig.report(setup, `${name}, not served 20 s after the start`, missing, 'count');
      rig.report(setup, `${name}, server killed, all served`, back.seconds, 's', { atMost: 10 });
      rig.report(setup, `${name}, server killed, not served after 60 s`, back.missing, 'count', {
        atMost: 0,
      });
    });
  }
}
