import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that the kernel hands out by itself. Spread by pid, so that runs do not meet. */
let next = 14_000 + (process.pid % 50) * 20;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = next++;
    if (next >= 15_000) next = 14_000;
    const server = createServer().unref();
    server.listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (free) return port;
  }
}
