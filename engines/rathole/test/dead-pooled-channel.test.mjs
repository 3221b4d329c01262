import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { contrast, connectionsTo, eventually, freePort, serves, sleep, visit } from './support.mjs';

const WAYS = {
  'ended in good order': (socket) => socket.end(),
  reset: (socket) => socket.resetAndDestroy(),
};

for (const transport of ['noise', 'tcp']) {
  contrast(`a visitor does not get a channel that was ended in good order, ${transport}`, (world) =>
    survives(world, transport, WAYS['ended in good order']),
  );
}

/** Between client and server is somebody who ends what seems idle, as a firewall does. */
async function survives(world, transport, end) {
  const target = await world.target();
  const port = await freePort();
  const pairs = [];
  const middle = await world.target((socket) => {
    const onward = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    onward.on('error', () => {});
    world.onEnd(() => onward.destroy());
    socket.pipe(onward, { end: false });
    onward.pipe(socket, { end: false });
    onward.on('close', () => socket.destroy());
    pairs.push(onward);
  });
  const services = [{ name: 'a', visitorPort: await freePort(), targetPort: target.port }];
  await world.rathole(world.serverConfig({ port, services, transport }));
  await world.rathole(world.clientConfig({ port: middle.port, services, transport }));
  await serves(services[0].visitorPort);
  await sleep(300);

  const [, ...pooled] = pairs; // the first one is the control channel
  for (const socket of pooled) end(socket);
  const isQuiet = () => connectionsTo(port) <= 1;
  await eventually(isQuiet, 2_000, 'the server has got the end of all').catch(() => {});
  for (let i = 0; i < 3; i += 1) {
    const took = await visit(services[0].visitorPort);
    assert.ok(took !== null, 'a visitor was lost');
    world.say(`served after ${Math.round(took)} ms`);
  }
}
