import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 28_000;
const LAST = 32_699;

/** Below the ports that the kernel hands out by itself. Spread by pid, so that runs do not meet. */
let next = FIRST + (process.pid % 450) * 10;

/** A port of 127.0.0.1 on which nobody listens now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next++;
    if (next > LAST) next = FIRST;
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
