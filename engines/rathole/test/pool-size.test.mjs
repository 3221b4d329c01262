import assert from 'node:assert/strict';
import { behaviour, connectionsTo, contrast, eventually, sleep } from './support.mjs';

for (const size of [0, 1, 5]) {
  contrast(`RATHOLE_POOL_SIZE=${size} keeps ${size} channels open for a service`, async (world) => {
    await keeps(world, size, { RATHOLE_POOL_SIZE: String(size) });
  });
}

contrast('two without a setting', (world) => keeps(world, 2, {}));

behaviour('a setting that cannot be is said in the log, and not used', async (world) => {
  const server = await keeps(world, 2, { RATHOLE_POOL_SIZE: '1000' });
  await server.says(/RATHOLE_POOL_SIZE must be a number from 0 to 64, but is "1000"/);
});

async function keeps(world, size, env) {
  const { server, port } = await world.tunnel(['a'], { env });
  const isSo = () => connectionsTo(port) === 1 + size;
  await eventually(isSo, 3_000, `one control channel and ${size} others`);
  await sleep(200);
  assert.ok(isSo(), `${connectionsTo(port)} connections`);
  return server;
}
