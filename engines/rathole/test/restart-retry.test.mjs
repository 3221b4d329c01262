import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { behaviour, contrast, freePort, serves, sleep, within } from './support.mjs';

const KEYS = { 'no base64': '!!', 'too short': 'c2hvcnQ=', 'too long': 'A'.repeat(88) };

for (const side of ['server', 'client']) {
  for (const [what, key] of Object.entries(KEYS)) {
    contrast(`a key that is ${what}, on a restart of the ${side}'s instance`, async (world) => {
      const tunnel = await world.tunnel();
      const config = (more) =>
        side === 'server'
          ? world.serverConfig({ ...tunnel, ...more })
          : world.clientConfig({ ...tunnel, ...more });
      await tunnel[side].rewrite(config({ key }));
      await tunnel[side].says(/ERROR .*(key|decode).* Retry in/);
      await sleep(700);
      assert.ok(tunnel[side].isRunning, 'it runs');
      await tunnel[side].rewrite(config({}));
      await serves(tunnel.services[0].visitorPort, 5_000);
    });
  }
}

contrast('a port in use on a restart of the instance', async (world) => {
  const tunnel = await world.tunnel();
  const holder = createServer((socket) => socket.destroy()).listen(await freePort(), '127.0.0.1');
  await once(holder, 'listening');
  world.onEnd(() => holder.close());
  const moved = { ...tunnel, port: holder.address().port };
  await tunnel.server.rewrite(world.serverConfig(moved));
  await tunnel.server.says(/ERROR .*Failed to listen.*Retry in/);
  await tunnel.client.rewrite(world.clientConfig(moved));
  await sleep(1_500);
  assert.ok(tunnel.server.isRunning, 'it runs');
  assert.ok((tunnel.server.log.match(/Retry in/g)?.length ?? 0) >= 2, 'it has tried again');

  // A service that changed in the meantime is there afterwards
  const visitorPort = await freePort();
  const services = [{ ...tunnel.services[0], visitorPort }];
  await tunnel.server.rewrite(world.serverConfig({ ...moved, services }));
  holder.close();
  await serves(visitorPort, 12_000);
});

contrast('a transport that was not compiled in, on a restart of the instance', async (world) => {
  const tunnel = await world.tunnel();
  const websocket = '[server.transport.websocket]\ntls = false\n[server.services]';
  const config = world
    .serverConfig(tunnel)
    .replace('type = "noise"', 'type = "websocket"')
    .replace('[server.services]', websocket);
  await tunnel.server.rewrite(config);
  await tunnel.server.says(/'tls|'websocket' is not compiled in this binary.*Retry in/);
  assert.ok(tunnel.server.isRunning, 'it runs');
  await tunnel.server.rewrite(world.serverConfig(tunnel));
  await serves(tunnel.services[0].visitorPort, 5_000);
});

contrast('a first start that fails is said in the log, and ends with code 1', async (world) => {
  const config = world.serverConfig({ port: await freePort(), services: [], key: '!!' });
  const server = await world.rathole(config);
  await within(3_000, 'its end', server.ended);
  assert.deepEqual(await server.ended, { code: 1, signal: null });
  assert.match(server.log, /ERROR .*Failed to decode local_private_key/);
});

behaviour('it ends on SIGINT while it waits to try again', async (world) => {
  const tunnel = await world.tunnel();
  await tunnel.server.rewrite(world.serverConfig({ ...tunnel, key: '!!' }));
  await tunnel.server.says(/Retry in/);
  tunnel.server.child.kill('SIGINT');
  await within(2_000, 'its end', tunnel.server.ended);
});
