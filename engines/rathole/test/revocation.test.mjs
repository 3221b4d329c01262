import assert from 'node:assert/strict';
import { behaviour, contrast, echoes, outcome, serves, sleep, within } from './support.mjs';

const REVOKED_MS = 1_000;

contrast(
  'a visitor is refused at once when the client has died, until it is back',
  async (world) => {
    const tunnel = await world.tunnel();
    const [{ visitorPort }] = tunnel.services;
    await tunnel.client.kill();
    await sleep(300);
    assert.equal(await outcome(visitorPort), 'ECONNREFUSED', 'the first visitor after its death');
    await world.rathole(world.clientConfig(tunnel));
    const back = await serves(visitorPort, 2_000);
    world.say(`back after ${Math.round(back)} ms`);
  },
);

behaviour(
  'a client that takes a service over gets its port without a gap of note',
  async (world) => {
    const tunnel = await world.tunnel();
    await world.rathole(world.clientConfig(tunnel));
    await tunnel.server.says(/Dropping previous control channel/);
    await tunnel.client.kill();
    await serves(tunnel.services[0].visitorPort, 2_000);
  },
);

for (const side of ['server', 'client']) {
  contrast(`a service deleted on the ${side} ends its connections, and no other`, async (world) => {
    const tunnel = await world.tunnel(['a', 'b']);
    const [a, b] = await established(world, tunnel);
    await tunnel[side].rewrite(
      configOf(world, side, { ...tunnel, services: [tunnel.services[1]] }),
    );
    await endsSoon(world, a);
    assert.ok(await echoes(b), 'the other one still carries bytes');
  });

  contrast(`a changed token on the ${side} ends its connections, and no other`, async (world) => {
    const tunnel = await world.tunnel(['a', 'b']);
    const [a, b] = await established(world, tunnel);
    const services = [{ ...tunnel.services[0], token: 'another' }, tunnel.services[1]];
    await tunnel[side].rewrite(configOf(world, side, { ...tunnel, services }));
    await endsSoon(world, a);
    assert.ok(await echoes(b), 'the other one still carries bytes');
  });

  contrast(
    `a restart of the ${side}'s instance spares them, what it deletes it ends`,
    async (world) => {
      const tunnel = await world.tunnel(['a', 'b', 'c']);
      const [a, b, c] = await established(world, tunnel);
      const restarted = { ...tunnel, transport: 'tcp', services: tunnel.services.slice(1) };
      await tunnel[side].rewrite(configOf(world, side, restarted));
      await tunnel[side].says(/General configuration change detected/);
      await endsSoon(world, a);
      assert.ok((await echoes(b)) && (await echoes(c)), 'the others still carry bytes');

      // The restarted instance knows of the connections that its predecessor made
      const services = tunnel.services.slice(2);
      await tunnel[side].rewrite(configOf(world, side, { ...restarted, services }));
      await endsSoon(world, b);
      assert.ok(await echoes(c), 'the other one still carries bytes');
    },
  );
}

behaviour('a change of a service other than its token spares its connections', async (world) => {
  const tunnel = await world.tunnel(['a']);
  const [a] = await established(world, tunnel);
  const services = [{ ...tunnel.services[0], targetPort: 1 }];
  await tunnel.client.rewrite(world.clientConfig({ ...tunnel, services }));
  await tunnel.client.says(/Service change detected/);
  await sleep(300);
  assert.ok(await echoes(a));
});

behaviour('a client that dies and returns spares the connections of others', async (world) => {
  const tunnel = await world.tunnel(['a', 'b']);
  const [service, other] = tunnel.services;
  const single = await world.rathole(world.clientConfig({ ...tunnel, services: [service] }));
  await tunnel.server.says(/Dropping previous control channel/);
  const socket = await world.dial(other.visitorPort);
  assert.ok(await echoes(socket));
  await single.kill();
  await sleep(300);
  assert.ok(await echoes(socket));
});

async function established(world, { services }) {
  const sockets = [];
  for (const { visitorPort } of services) {
    const socket = await world.dial(visitorPort);
    assert.ok(await echoes(socket), 'carries bytes at first');
    sockets.push(socket);
  }
  return sockets;
}

function configOf(world, side, config) {
  return side === 'server' ? world.serverConfig(config) : world.clientConfig(config);
}

async function endsSoon(world, socket) {
  const start = performance.now();
  socket.resume();
  const closed = new Promise((done) => socket.once('close', done));
  await within(REVOKED_MS, 'the end of the connection', socket.closed ? Promise.resolve() : closed);
  world.say(`ended after ${Math.round(performance.now() - start)} ms`);
}
