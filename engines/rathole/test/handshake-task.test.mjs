import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { behaviour, contrast, eventually, p99, serves, sleep, visit, visits } from './support.mjs';

const KINDS = {
  silent: null,
  'half a handshake': Buffer.concat([Buffer.from([48, 0]), randomBytes(20)]),
  rubbish: Buffer.concat([Buffer.from([0xff, 0xff]), randomBytes(198)]),
};

/** Strangers on the control port, which say `bytes` and wait. Cut ones may come again. */
async function strangers(world, port, count, bytes, { from = '127.0.0.1', again = true } = {}) {
  const sockets = new Set();
  let isOver = false;
  const open = () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    sockets.add(socket);
    socket.on('connect', () => bytes && socket.write(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      if (again && !isOver) setTimeout(open, 1_000).unref();
    });
  };
  for (let i = 0; i < count; i += 1) open();
  const leave = () => {
    isOver = true;
    for (const socket of sockets) socket.destroy();
  };
  world.onEnd(leave);
  await sleep(300);
  return leave;
}

for (const [kind, bytes] of Object.entries(KINDS)) {
  contrast(`6 connections of the kind "${kind}" cost others nothing`, async (world) => {
    await strangersCostNothing(world, 6, bytes);
  });
}

for (const count of [200, 1_000]) {
  for (const [kind, bytes] of Object.entries(KINDS)) {
    behaviour(`${count} connections of the kind "${kind}" cost others nothing`, async (world) => {
      await strangersCostNothing(world, count, bytes);
    });
  }
}

async function strangersCostNothing(world, count, bytes) {
  const { server, client, port, services, transport } = await world.tunnel(['a', 'b']);
  const [a, b] = services;
  await visits(a.visitorPort, 100); // so that what it keeps for itself is there
  const before = { p99: p99(await visits(a.visitorPort, 100)), ...usage(server) };

  const leave = await strangers(world, port, count, bytes);
  const during = { p99: p99(await visits(a.visitorPort, 100)), ...usage(server) };
  world.say(`p99 ${ms(before)} → ${ms(during)} ms, ${mb(before)} → ${mb(during)} MB`);
  assert.ok(during.p99 < Math.max(100, before.p99 * 3), `visits took ${during.p99} ms`);

  // A client that returns, with a handshake of its own
  await client.kill();
  const services2 = [{ ...b, name: 'b' }];
  await world.rathole(world.clientConfig({ port, services: services2, transport }));
  const start = performance.now();
  await eventually(
    async () => (await visit(b.visitorPort, 500)) !== null,
    3_000,
    'the client back',
  );
  world.say(`a client is back after ${Math.round(performance.now() - start)} ms`);

  leave();
  await serves(b.visitorPort);
  const isBack = () => server.handles() <= before.handles + 3;
  await eventually(isBack, 8_000, 'the handles are where they were');
  await sleep(500);
  const after = usage(server);
  world.say(`after: ${mb(after)} MB, ${before.handles} → ${after.handles} handles`);
  assert.ok(after.mb < before.mb + 8, `memory went from ${mb(before)} to ${mb(after)} MB`);
}

contrast('a client does not wait for ever for a server that says nothing', async (world) => {
  const silent = await world.target(() => {});
  const services = [{ name: 'a', targetPort: silent.port }];
  const client = await world.rathole(world.clientConfig({ port: silent.port, services }));
  await client.says(/Transport handshake timeout\. Retry in/, 23_000);
});

behaviour('a stranger cannot use up the connections of another address', async (world) => {
  const { server, services, handles } = await crowded(world, { from: '127.0.0.2' });
  assert.ok(server.handles() <= handles + 12, `${server.handles()} handles`);
  const times = await visits(services[0].visitorPort, 50);
  assert.ok(p99(times) < 100, `visits took ${p99(times)} ms`);
});

behaviour('the oldest of the same address makes room for a client', async (world) => {
  const { server, services, handles } = await crowded(world, { again: false });
  assert.ok(server.handles() <= handles + 12, `${server.handles()} handles`);
  for (let i = 0; i < 12; i += 1) {
    assert.ok((await visit(services[0].visitorPort, 4_000)) !== null, 'a visitor got no answer');
  }
});

async function crowded(world, how) {
  const env = { RATHOLE_MAX_PENDING: '20', RATHOLE_MAX_PENDING_PER_ADDR: '10' };
  const tunnel = await world.tunnel(['a'], { env });
  const handles = tunnel.server.handles();
  await strangers(world, tunnel.port, 100, null, how);
  return { ...tunnel, handles };
}

behaviour('a setting that is no number is said in the log, and not used', async (world) => {
  const { server } = await world.tunnel(['a'], { env: { RATHOLE_MAX_PENDING: 'many' } });
  await server.says(/RATHOLE_MAX_PENDING must be a number above 0, but is "many"/);
});

const usage = (server) => ({ mb: server.residentMb(), handles: server.handles() });
const ms = (measured) => measured.p99.toFixed(1);
const mb = (measured) => measured.mb.toFixed(1);
