import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const NONCE_BYTES = 32;

export interface EchoProblem {
  detail: string;
  /** Someone took the connection and ended it. */
  closed: boolean;
}

/** null: the same bytes came back in time; otherwise what happened instead. */
export async function echo(port: number, timeoutMs: number): Promise<EchoProblem | null> {
  const { problem } = await exchange(port, timeoutMs, 1);
  return problem;
}

export type RoundTrip = { problem: EchoProblem } | { problem: null; roundTripMs: number };

/**
 * How long bytes take to the machine and back. The first that come back show that a new connection
 * carries some; the second, on the same one, do not wait for anything to be set up. An agent that
 * echoes once is measured by that.
 */
export async function measureRoundTrip(port: number, timeoutMs: number): Promise<RoundTrip> {
  const { problem, tookMs } = await exchange(port, timeoutMs, 2);
  const roundTripMs = tookMs.at(-1);
  if (roundTripMs !== undefined) return { problem: null, roundTripMs };
  return { problem: problem ?? { detail: 'nothing came back', closed: false } };
}

interface Exchange {
  /** Why there were fewer than asked for. */
  problem: EchoProblem | null;
  /** Of each that came back. */
  tookMs: number[];
}

function exchange(port: number, timeoutMs: number, times: number): Promise<Exchange> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const tookMs: number[] = [];
  return new Promise((resolve) => {
    const timer = setTimeout(() => fail(`nothing came back within ${timeoutMs} ms`), timeoutMs);
    const end = (problem: EchoProblem | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ problem, tookMs });
    };
    const fail = (detail: string) => end({ detail, closed: false });
    const closed = () =>
      end({ detail: 'the connection was closed before the bytes came back', closed: true });
    const sendOne = () => {
      sendAndAwait(socket, (took) => {
        if (took === null) return fail('other bytes came back than were sent');
        tookMs.push(took);
        if (tookMs.length === times) end(null);
        else sendOne();
      });
    };
    socket.on('connect', sendOne);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') closed();
      else fail(reasonOf(error));
    });
    socket.on('close', closed);
  });
}

/** @param onBack milliseconds until they were back; null: others were */
function sendAndAwait(socket: Socket, onBack: (tookMs: number | null) => void): void {
  const nonce = randomBytes(NONCE_BYTES);
  const sentAt = performance.now();
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < NONCE_BYTES) return;
    socket.off('data', onData);
    onBack(received.equals(nonce) ? performance.now() - sentAt : null);
  };
  socket.on('data', onData);
  socket.write(nonce);
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return code === 'ECONNREFUSED' ? 'the machine has not connected its data client' : message;
}
