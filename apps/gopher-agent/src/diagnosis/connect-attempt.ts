import { connect } from 'node:net';

export type Attempt =
  | { met: 'accepted'; ms: number }
  | { met: 'refused' | 'silence' }
  | { met: 'unreachable'; why: string };

export const CONNECT_MS = 1_500;

/** Connects, says nothing, and ends. Rejects never. */
export function tryToConnect(address: string, port: number): Promise<Attempt> {
  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<Attempt>();
  const socket = connect({ host: address, port });
  const timer = setTimeout(() => resolve({ met: 'silence' }), CONNECT_MS);
  socket.once('connect', () => resolve({ met: 'accepted', ms: performance.now() - startedAt }));
  socket.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'ECONNREFUSED') resolve({ met: 'refused' });
    else if (code === 'ETIMEDOUT') resolve({ met: 'silence' });
    else resolve({ met: 'unreachable', why: code ?? message });
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
