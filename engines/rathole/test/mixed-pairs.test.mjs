import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mixedPairs, serves, sleep, visit, visits } from './support.mjs';

const SIZE = 4 * 1_024 * 1_024;

for (const transport of ['noise', 'tcp']) {
  mixedPairs(`bytes, bursts, changes and returns, ${transport}`, async (world, programs) => {
    const tunnel = await world.tunnel(['a', 'b'], { programs, transport });
    const [a, b] = tunnel.services;
    await carries(await world.dial(a.visitorPort), randomBytes(SIZE));

    const burst = await Promise.all(Array.from({ length: 50 }, () => visit(a.visitorPort, 4_000)));
    assert.ok(!burst.includes(null), 'all of a burst are served');

    // A service less, and again one more
    const less = { ...tunnel, services: [b] };
    await tunnel.server.rewrite(world.serverConfig(less));
    await tunnel.client.rewrite(world.clientConfig(less));
    await sleep(300);
    assert.notEqual((await visits(b.visitorPort, 5)).at(-1), Infinity);
    await tunnel.server.rewrite(world.serverConfig(tunnel));
    await tunnel.client.rewrite(world.clientConfig(tunnel));
    await serves(a.visitorPort, 8_000);

    // Each side returns
    await tunnel.client.kill();
    await world.rathole(world.clientConfig(tunnel), { program: programs.client });
    await serves(a.visitorPort, 8_000);
    await tunnel.server.kill();
    await world.rathole(world.serverConfig(tunnel), { program: programs.server });
    await serves(a.visitorPort, 8_000);
    await serves(b.visitorPort, 8_000);
  });
}

async function carries(socket, sent) {
  const chunks = [];
  let size = 0;
  socket.write(sent);
  for await (const chunk of socket) {
    chunks.push(chunk);
    if ((size += chunk.length) >= sent.length) break;
  }
  assert.ok(Buffer.concat(chunks).equals(sent), 'what came back is what was sent');
}
