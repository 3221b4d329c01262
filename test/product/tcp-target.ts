import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setInterval } from 'node:timers/promises';
import { payload } from './payload.js';

/** The first byte that a visitor sends; see `tcp-visitor.ts`. */
export const TCP_VERBS = { exchange: 0x58, drip: 0x44, echo: 0x45 } as const;
/** The verb, and the number of bytes that follow it. */
export const HEADER_BYTES = 5;

const DRIP_BYTES = 4096;
const DRIP_EVERY_MS = 4;

/** A service that a tunnel leads to. */
export class TcpTarget {
  /** Exchanges under way. */
  exchanging = 0;
  /** SHA-256 of what the newest drip sent until it was finished. */
  drippedSha256 = '';

  private readonly sockets = new Set<Socket>();
  private readonly dripEnd = new AbortController();

  private constructor(private readonly server: Server) {}

  static async listen(port: number): Promise<TcpTarget> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const target = new TcpTarget(server);
    server.on('connection', (socket) => target.accept(socket));
    server.listen({ port, host: '127.0.0.1', backlog: 1_024 });
    await once(server, 'listening');
    return target;
  }

  get address(): string {
    const { address, port } = this.server.address() as { address: string; port: number };
    return `${address}:${port}`;
  }

  /** Ends all drips, as a server does that has sent everything. */
  finishDrips(): void {
    this.dripEnd.abort();
  }

  async stop(): Promise<void> {
    this.finishDrips();
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    // A visitor that breaks off is what some tests are about; the visitor reports it.
    socket.on('error', () => socket.destroy());
    this.serve(socket).catch(() => socket.destroy());
  }

  private async serve(socket: Socket): Promise<void> {
    const chunks = socket.iterator({ destroyOnReturn: false });
    let head = Buffer.alloc(0);
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      head = Buffer.concat([head, chunk]);
      if (head.length >= HEADER_BYTES) break;
    }
    const size = head.length < HEADER_BYTES ? 0 : head.readUInt32BE(1);
    const rest = head.subarray(HEADER_BYTES);
    if (head[0] === TCP_VERBS.exchange) return this.exchange(socket, size, rest);
    if (head[0] === TCP_VERBS.drip) return this.drip(socket);
    if (head[0] === TCP_VERBS.echo) return this.echo(socket, rest);
    socket.end(); // a probe, which says nothing
  }

  private async echo(socket: Socket, first: Buffer): Promise<void> {
    socket.write(first);
    for await (const chunk of socket) socket.write(chunk as Buffer);
    socket.end();
  }

  /** Takes `size` bytes, sends as many of its own, then both hashes. */
  private async exchange(socket: Socket, size: number, first: Buffer): Promise<void> {
    this.exchanging += 1;
    try {
      const received = createHash('sha256').update(first);
      let missing = size - first.length;
      if (missing > 0) {
        for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
          received.update(chunk as Buffer);
          missing -= (chunk as Buffer).length;
          if (missing <= 0) break;
        }
      }
      const own = payload(size);
      socket.write(own);
      socket.end(Buffer.concat([received.digest(), createHash('sha256').update(own).digest()]));
      await once(socket, 'close');
    } finally {
      this.exchanging -= 1;
    }
  }

  private async drip(socket: Socket): Promise<void> {
    const sent = createHash('sha256');
    try {
      for await (const _ of setInterval(DRIP_EVERY_MS, null, { signal: this.dripEnd.signal })) {
        const bytes = randomBytes(DRIP_BYTES);
        sent.update(bytes);
        if (!socket.write(bytes)) await once(socket, 'drain', { signal: this.dripEnd.signal });
      }
    } catch {
      this.drippedSha256 = sent.digest('hex');
      socket.end();
    }
  }
}
