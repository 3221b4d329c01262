import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { payload, sha256 } from './payload.js';
import { HEADER_BYTES, TCP_VERBS } from './tcp-target.js';

const SHA256_BYTES = 32;
const DEADLINE_MS = 60_000;

/** One side's bytes, as the sender knows them and as they arrived. */
export interface Carried {
  sent: string;
  arrived: string;
}

export interface ExchangeOptions {
  /** The connection is open and announced; its bytes wait for this. */
  gate?: Promise<unknown>;
  /** Ends the visitor's side after its last byte, as `nc -N` does. */
  halfClose?: boolean;
  deadlineMs?: number;
}

/** Sends `size` random bytes to a TcpTarget and takes as many. @throws when it breaks off */
export async function exchange(
  address: string,
  size: number,
  { gate, halfClose = false, deadlineMs = DEADLINE_MS }: ExchangeOptions = {},
): Promise<{ up: Carried; down: Carried; bytes: number }> {
  const socket = await open(address, deadlineMs);
  try {
    const own = payload(size);
    socket.write(header(TCP_VERBS.exchange, size));
    await gate;
    if (halfClose) socket.end(own);
    else socket.write(own);
    const received = createHash('sha256');
    const trailer: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      const body = chunk.subarray(0, size - bytes);
      received.update(body);
      bytes += body.length;
      trailer.push(chunk.subarray(body.length));
    }
    const hashes = Buffer.concat(trailer).toString('hex');
    return {
      up: { sent: sha256(own), arrived: hashes.slice(0, SHA256_BYTES * 2) },
      down: { sent: hashes.slice(SHA256_BYTES * 2), arrived: received.digest('hex') },
      bytes,
    };
  } finally {
    socket.destroy();
  }
}

/** Whether bytes went both ways unchanged; throws with what was met instead. */
export async function serves(address: string): Promise<true> {
  const { up, down } = await exchange(address, 1_000, { deadlineMs: 2_000 });
  if (up.sent !== up.arrived || down.sent !== down.arrived) throw new Error('other bytes arrived');
  return true;
}

/** A download that lasts until its TcpTarget finishes its drips. */
export class TcpDownload {
  bytes = 0;
  /** The longest time without a byte. */
  longestGapMs = 0;
  /** The SHA-256 of everything; rejects when the connection breaks. */
  readonly done: Promise<string>;

  private constructor(socket: Socket) {
    this.done = this.read(socket);
    this.done.catch(() => {}); // whoever awaits it hears of it
  }

  static async start(address: string): Promise<TcpDownload> {
    const socket = await open(address);
    socket.write(header(TCP_VERBS.drip, 0));
    return new TcpDownload(socket);
  }

  private async read(socket: Socket): Promise<string> {
    const hash = createHash('sha256');
    let last = performance.now();
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      hash.update(chunk);
      this.bytes += chunk.length;
      const now = performance.now();
      this.longestGapMs = Math.max(this.longestGapMs, now - last);
      last = now;
    }
    return hash.digest('hex');
  }
}

/** A connection that says nothing between two echoes. */
export class IdleConnection {
  /** Resolves when the other side has ended it. */
  readonly ended: Promise<void>;

  private constructor(private readonly socket: Socket) {
    // Nothing comes unasked, and a socket that is not read from does not tell of its end.
    this.ended = new Promise((resolve) =>
      socket.resume().once('end', resolve).once('close', resolve),
    );
  }

  static async open(address: string): Promise<IdleConnection> {
    const socket = await open(address);
    socket.on('error', () => {}); // the next echo tells
    socket.write(header(TCP_VERBS.echo, 0));
    return new IdleConnection(socket);
  }

  /** Resolves with what came back. */
  async echo(text: string): Promise<string> {
    if (this.socket.readableEnded || this.socket.destroyed) throw new Error('it was closed');
    this.socket.write(text);
    const [answer] = (await once(this.socket, 'data', {
      signal: AbortSignal.timeout(5_000),
    })) as [Buffer];
    return answer.toString();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Whether nobody listens there. */
export async function refuses(address: string): Promise<boolean> {
  try {
    (await open(address, 1_000)).destroy();
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
  }
}

async function open(address: string, deadlineMs?: number): Promise<Socket> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const socket = connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    allowHalfOpen: true,
    ...(deadlineMs === undefined ? {} : { signal: AbortSignal.timeout(deadlineMs) }),
  });
  await once(socket, 'connect');
  return socket;
}

function header(verb: number, size: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt8(verb);
  bytes.writeUInt32BE(size, 1);
  return bytes;
}
