import type { Transport } from '../support/bare-rathole.js';
import { download, type Message, upload } from '../support/load.js';
import type { Rig } from './rig.js';

const TRANSPORTS: readonly Transport[] = ['noise', 'tcp'];
const BYTES = 32 * 1_024 * 1_024;
const TRANSFERS = 60;
const CONNECTIONS = 500;
const MESSAGES = 1_000;
/** Each takes some 90 ms through the released one. */
const HALVED_MESSAGES = 60;

const SMALL: readonly Message[] = [
  { bytes: 1, inHalves: false },
  { bytes: 64, inHalves: false },
  { bytes: 1_000, inHalves: false },
  { bytes: 64, inHalves: true },
  { bytes: 1_000, inHalves: true },
];

/** The load of `data-plane` through both engines. */
export async function throughput(rig: Rig): Promise<void> {
  const { scene } = rig;
  for (const transport of TRANSPORTS) {
    await rig.compare({ transport }, async (comparison) => {
      for (const [name, transfer] of [
        ['download', download],
        ['upload', upload],
      ] as const) {
        scene.note(`${transport}, ${name}s`);
        await comparison.transfers(`${transport}, ${name}`, TRANSFERS, (address) =>
          transfer(address, BYTES),
        );
      }
      scene.note(`${transport}, new connections`);
      await comparison.connections(`${transport}, new connection`, CONNECTIONS);
      scene.note(`${transport}, small messages`);
      for (const message of SMALL) {
        const { bytes, inHalves } = message;
        const name = `${transport}, ${inHalves ? `2 × ${bytes / 2}` : bytes} B`;
        await comparison.messages(name, inHalves ? HALVED_MESSAGES : MESSAGES, message);
      }
    });
  }
}
