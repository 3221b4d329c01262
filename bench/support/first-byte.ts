import { connect, type Socket } from 'node:net';

/** So many at a time: what a dead client leaves hanging must not become the load. */
const MOST_AT_ONCE = 100;

export interface Patience {
  /** The time between two visitors, which is also how exact the answer is. */
  everyMs: number;
  timeoutMs: number;
}

/**
 * Visitors who ask an HttpTarget for something, the next without waiting for the one before.
 * @returns when the first byte of an answer came, in ms of `performance.now()`
 */
export function firstByte(address: string, { everyMs, timeoutMs }: Patience): Promise<number> {
  const { hostname: host, port } = new URL(`tcp://${address}`);
  const visitors = new Set<Socket>();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const visit = () => {
    if (visitors.size >= MOST_AT_ONCE) visitors.values().next().value!.destroy();
    const socket = connect({ host, port: Number(port), noDelay: true });
    visitors.add(socket);
    socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n'));
    socket.on('data', () => resolve(performance.now()));
    socket.on('error', () => socket.destroy()); // the next one tries again
    socket.on('close', () => visitors.delete(socket));
  };
  const coming = setInterval(visit, everyMs);
  const gaveUp = setTimeout(
    () => reject(new Error(`Nothing came from ${address} within ${timeoutMs} ms`)),
    timeoutMs,
  );
  visit();
  return promise.finally(() => {
    clearInterval(coming);
    clearTimeout(gaveUp);
    for (const socket of visitors) socket.destroy();
  });
}
