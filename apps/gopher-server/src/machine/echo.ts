import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const NONCE_BYTES = 32;

export interface EchoProblem {
  detail: string;
  /** Someone took the connection and ended it. */
  closed: boolean;
}

/** null: the same bytes came back in time; otherwise what happened instead. */
export function echo(port: number, timeoutMs: number): Promise<EchoProblem | null> {
  const nonce = randomBytes(NONCE_BYTES);
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let received = Buffer.alloc(0);
  return new Promise((resolve) => {
    const timer = setTimeout(() => fail(`nothing came back within ${timeoutMs} ms`), timeoutMs);
    const end = (problem: EchoProblem | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(problem);
    };
    const fail = (detail: string) => end({ detail, closed: false });
    const closed = () =>
      end({ detail: 'the connection was closed before the bytes came back', closed: true });
    socket.on('connect', () => socket.write(nonce));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < NONCE_BYTES) return;
      if (received.equals(nonce)) end(null);
      else fail('other bytes came back than were sent');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') closed();
      else fail(reasonOf(error));
    });
    socket.on('close', closed);
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return code === 'ECONNREFUSED' ? 'the machine has not connected its data client' : message;
}
