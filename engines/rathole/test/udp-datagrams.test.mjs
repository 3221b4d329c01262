import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { contrast, eventually, freePort, listening } from './support.mjs';

for (const transport of ['noise', 'tcp']) {
  contrast(`datagrams of every size come back whole, ${transport}`, async (world) => {
    const visitor = await throughTunnel(world, transport);
    for (const size of [1_000, 9_000, 60_000]) {
      const sent = randomBytes(size);
      const received = await answer(visitor, sent);
      assert.ok(received, `nothing came back of ${size} B`);
      assert.equal(received.length, size, `of ${size} B came back ${received.length}`);
      assert.ok(received.equals(sent), 'what came back is what was sent');
    }
  });
}

async function throughTunnel(world, transport) {
  const echo = await socketOn(world, await freePort());
  echo.on('message', (data, { port }) => echo.send(data, port, '127.0.0.1'));
  const port = await freePort();
  const visitorPort = await freePort();
  const services = [{ name: 'a', visitorPort, targetPort: echo.address().port }];
  const asUdp = (config) => config.replaceAll('token =', 'type = "udp"\ntoken =');
  await world.rathole(asUdp(world.serverConfig({ port, services, transport })));
  await listening(port);
  await world.rathole(asUdp(world.clientConfig({ port, services, transport })));

  const visitor = await socketOn(world, await freePort());
  visitor.connect(visitorPort, '127.0.0.1');
  await once(visitor, 'connect');
  visitor.on('error', () => {}); // refused until the client is there
  const isThere = async () => (await answer(visitor, Buffer.from('x'), 200)) !== null;
  await eventually(isThere, 5_000, 'an answer through the tunnel');
  return visitor;
}

async function socketOn(world, port) {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1_048_576 });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  world.onEnd(() => socket.close());
  return socket;
}

function answer(socket, sent, timeoutMs = 2_000) {
  return new Promise((done) => {
    const timer = setTimeout(() => done(null), timeoutMs);
    socket.once('message', (data) => {
      clearTimeout(timer);
      done(data);
    });
    socket.send(sent);
  });
}
