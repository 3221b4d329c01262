import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import {
  contrast,
  connectionsTo,
  eventually,
  freePort,
  listening,
  serves,
  setUp,
  sleep,
  visit,
} from './support.mjs';

/** More than any pool has. */
const LOST = 12;
const PATIENCE_MS = 5_000;

for (const transport of ['noise', 'tcp']) {
  contrast(`a visitor does not get a channel that was ended in good order, ${transport}`, (world) =>
    survives(world, transport),
  );
}

for (const transport of ['noise', 'tcp']) {
  contrast(
    `a visitor does not wait for channels that were lost on their way, ${transport}`,
    (world) => findsNewOnes(world, transport),
  );
  contrast(`a UDP service does not wait for channels that were lost, ${transport}`, (world) =>
    datagramsFindNewOnes(world, transport),
  );
}

async function survives(world, transport) {
  const { visitorPort, server, pairs } = await throughMiddle(world, { transport });
  await setUp(() => serves(visitorPort));
  await sleep(300);

  for (const socket of pooled(pairs)) socket.end();
  const isQuiet = () => connectionsTo(server) <= 1;
  await eventually(isQuiet, 2_000, 'the server has got the end of all').catch(() => {});
  for (let i = 0; i < 3; i += 1) {
    const took = await visit(visitorPort);
    assert.ok(took !== null, 'a visitor was lost');
    world.say(`served after ${Math.round(took)} ms`);
  }
}

/** As in a rush, or behind a firewall that is being restarted. */
async function findsNewOnes(world, transport) {
  const middle = await throughMiddle(world, { transport });
  await setUp(() => serves(middle.visitorPort));
  await sleep(300);

  middle.most = 0;
  for (const socket of pooled(middle.pairs)) socket.resetAndDestroy();
  await Promise.all(Array.from({ length: LOST }, () => visit(middle.visitorPort, 1_500)));
  middle.most = Infinity;

  const took = await visit(middle.visitorPort, PATIENCE_MS);
  assert.ok(took !== null, 'a visitor was lost');
  world.say(`served after ${Math.round(took)} ms`);
}

async function datagramsFindNewOnes(world, transport) {
  const middle = await throughMiddle(world, { transport, type: 'udp', most: 1 });
  const visitor = await datagramVisitor(world, middle.visitorPort);
  await setUp(() => eventually(() => middle.lost >= 2, 8_000, 'the channels are lost'));
  middle.most = Infinity;
  const took = await eventually(() => visitor.isAnswered(200), PATIENCE_MS, 'an answer');
  world.say(`answered after ${Math.round(took)} ms`);
}

async function datagramVisitor(world, port) {
  const socket = createSocket('udp4');
  world.onEnd(() => socket.close());
  socket.on('error', () => {}); // refused until the client is there
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return {
    async isAnswered(timeoutMs) {
      const answer = once(socket, 'message', { signal: AbortSignal.timeout(timeoutMs) });
      socket.send('x');
      return answer.then(
        () => true,
        () => false,
      );
    },
  };
}

/** All but the first, which is the control channel. */
const pooled = ([, ...others]) => others;

/** Between client and server is somebody who ends what seems idle, and lets `most` connections by. */
async function throughMiddle(world, { transport, type = 'tcp', most = Infinity }) {
  const server = await freePort();
  const middle = { most, lost: 0, pairs: [], transport, server, visitorPort: await freePort() };
  const door = await world.target((socket) => {
    const isLost = middle.pairs.length >= middle.most;
    const onward = connect({ port: server, host: '127.0.0.1', allowHalfOpen: true });
    onward.on('error', () => {});
    world.onEnd(() => onward.destroy());
    onward.pipe(socket, { end: false });
    onward.on('close', () => socket.destroy());
    if (isLost) return loseAfterHandshake(socket, onward, middle);
    socket.pipe(onward, { end: false });
    middle.pairs.push(onward);
  });
  const targetPort = type === 'udp' ? await datagramEcho(world) : (await world.target()).port;
  const services = [{ name: 'a', visitorPort: middle.visitorPort, targetPort }];
  const typed = (config) => config.replaceAll('token =', `type = "${type}"\ntoken =`);
  await world.rathole(typed(world.serverConfig({ port: server, services, transport })));
  await listening(server); // or the first connection is not the control channel
  await world.rathole(typed(world.clientConfig({ port: door.port, services, transport })));
  return middle;
}

/** What comes after the handshake is the hello, by which the server knows whose channel it is. */
function loseAfterHandshake(socket, onward, middle) {
  let messages = middle.transport === 'noise' ? 1 : 0;
  socket.on('data', (data) => {
    if (messages > 0) {
      messages -= 1;
      return onward.write(data);
    }
    middle.lost += 1;
    socket.resetAndDestroy();
    onward.resetAndDestroy();
  });
}

async function datagramEcho(world) {
  const socket = createSocket('udp4');
  socket.on('message', (data, { port }) => socket.send(data, port, '127.0.0.1'));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  world.onEnd(() => socket.close());
  return socket.address().port;
}
