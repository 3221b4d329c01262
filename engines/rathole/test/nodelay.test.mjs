import assert from 'node:assert/strict';
import { behaviour, contrast, p99, sleep } from './support.mjs';

const ROUNDS = 60;
const HEAD = Buffer.alloc(9, 'h'); // as a frame's header, which many programs write by itself
const BODY = Buffer.alloc(55, 'b');
const FRAME = Buffer.concat([HEAD, BODY]);
/** Without it, a tunnel on the same machine takes both writes for one. */
const BETWEEN_WRITES_MS = 2;
/** Linux acknowledges after 40 ms what it has nothing to answer to. */
const DELAYED_ACK_MS = 40;

for (const transport of ['tcp', 'noise']) {
  contrast(`64 B there and back, in two writes each, ${transport}`, async (world) => {
    const { services } = await world.tunnel(['a'], { transport, serve: answerFrames });
    const direct = await world.target(answerFrames);
    const through = await roundTrips(await world.dial(services[0].visitorPort));
    const without = await roundTrips(await world.dial(direct.port));
    world.say(
      `median ${median(through)} ms, p99 ${p99(through).toFixed(1)} ms; direct ${median(without)}`,
    );
    assert.ok(median(through) < DELAYED_ACK_MS / 4, `the median is ${median(through)} ms`);
  });
}

behaviour('small messages of 1 B to 1 kB take less than 2 ms more than without', async (world) => {
  const { services } = await world.tunnel();
  const direct = await world.target();
  for (const size of [1, 64, 1_024]) {
    const message = [Buffer.alloc(size, 'x')];
    const through = median(await roundTrips(await world.dial(services[0].visitorPort), message));
    const without = median(await roundTrips(await world.dial(direct.port), message));
    world.say(`${size} B: ${through} ms, direct ${without} ms`);
    assert.ok(through - without < 2, `${size} B took ${through} ms, direct ${without} ms`);
  }
});

function answerFrames(socket) {
  let seen = 0;
  socket.on('data', (data) => {
    for (seen += data.length; seen >= FRAME.length; seen -= FRAME.length) {
      socket.write(FRAME);
    }
  });
}

/** How long from the last write until all is back. */
async function roundTrips(socket, writes = [HEAD, BODY]) {
  const size = writes.reduce((sum, { length }) => sum + length, 0);
  const times = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const back = new Promise((done) => {
      let seen = 0;
      socket.on('data', function count({ length }) {
        if ((seen += length) < size) return;
        socket.off('data', count);
        done();
      });
    });
    for (const data of writes.slice(0, -1)) {
      socket.write(data);
      await sleep(BETWEEN_WRITES_MS);
    }
    const start = performance.now();
    socket.write(writes.at(-1));
    await back;
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}

const median = (sorted) => Number(sorted[sorted.length >> 1].toFixed(2));
