import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const NONCE_BYTES = 32;

/** null: the same bytes came back in time; otherwise what happened instead. */
export function echo(port: number, timeoutMs: number): Promise<string | null> {
  const nonce = randomBytes(NONCE_BYTES);
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let received = Buffer.alloc(0);
  return new Promise((resolve) => {
    const timer = setTimeout(() => end(`nothing came back within ${timeoutMs} ms`), timeoutMs);
    const end = (problem: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(problem);
    };
    socket.on('connect', () => socket.write(nonce));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < NONCE_BYTES) return;
      end(received.equals(nonce) ? null : 'other bytes came back than were sent');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => end(reasonOf(error)));
    socket.on('close', () => end('the connection was closed before the bytes came back'));
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return code === 'ECONNREFUSED' ? 'the machine has not connected its data client' : message;
}
