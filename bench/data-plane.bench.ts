import { until } from '../test/product/index.js';
import { BareRathole } from './support/bare-rathole.js';
import { Comparison, RATIO } from './support/comparison.js';
import { download, LoadTarget, newConnection, upload } from './support/load.js';
import { joinMachine, startEdge } from './support/product.js';
import type { Scene } from './support/scene.js';

const BYTES = 32 * 1_024 * 1_024;
const TRANSFERS = 60;
const CONNECTIONS = 2_000;
const MESSAGES = 5_000;
const HALVED_MESSAGES = 1_000;

/** The same load through a Gopher tunnel, through bare rathole and without either, taking turns. */
export async function dataPlane(scene: Scene): Promise<void> {
  const edge = await startEdge(scene);
  const machine = await joinMachine(scene, edge, 'attic');
  const target = await scene.own(
    () => LoadTarget.listen(edge.ports.next()),
    (target) => target.close(),
  );
  const bare = await scene.own(
    () =>
      BareRathole.start({
        rathole: process.env.GOPHER_RATHOLE!,
        controlPort: edge.ports.next(),
        ports: [edge.ports.next()],
        target: target.address,
      }),
    (bare) => bare.stop(),
  );
  const tunnel = await edge.publish(machine.id, target.address);
  await until('bare rathole serves', async () => (await newConnection(bare.address)) > 0);

  const pids = [edge.enginePid('rathole-server'), machine.clientPid('data')];
  const comparison = new Comparison(scene, {
    ours: { name: 'gopher', address: tunnel.address, pids },
    theirs: { name: 'bare', address: bare.address, pids: bare.pids },
    direct: { name: 'direct', address: target.address, pids: [] },
  });
  for (const [name, transfer] of [
    ['download', download],
    ['upload', upload],
  ] as const) {
    scene.note(`${name}s`);
    await comparison.transfers(name, TRANSFERS, (address) => transfer(address, BYTES));
  }
  scene.note('new connections');
  await comparison.connections('new connection', CONNECTIONS, { ratio: RATIO });
  scene.note('small messages, whole and in halves');
  await comparison.messages('64 B', MESSAGES, { bytes: 64, inHalves: false });
  await comparison.messages('2 × 32 B', HALVED_MESSAGES, { bytes: 64, inHalves: true });
}
