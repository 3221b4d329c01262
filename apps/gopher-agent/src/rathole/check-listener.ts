import { Logger } from '@nestjs/common';
import { createServer, type Server, type Socket } from 'node:net';

export const CHECK_BYTES = 32;
/** The first shows that a connection serves, the second how long a round trip takes. */
const MAX_ECHOES = 2;
const MAX_CONNECTIONS = 32;
const DEADLINE_MS = 5_000;

/**
 * Gives back the 32 bytes that the edge sends through the data client, which shows that a *new*
 * connection carries bytes both ways; twice, if the edge sends as many again.
 */
export class CheckListener {
  private readonly logger = new Logger(CheckListener.name);
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly port: number) {}

  /** @throws when the port is taken */
  async start(): Promise<void> {
    const server = createServer((socket) => this.serve(socket));
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(this.port, '127.0.0.1', () => resolve());
    });
    server.on('error', (error) => this.logger.error(error.message));
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  private serve(socket: Socket): void {
    let received = Buffer.alloc(0);
    let echoes = 0;
    const deadline = setTimeout(() => socket.destroy(), DEADLINE_MS);
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(deadline);
      this.sockets.delete(socket);
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= CHECK_BYTES && echoes < MAX_ECHOES) {
        socket.write(received.subarray(0, CHECK_BYTES));
        received = received.subarray(CHECK_BYTES);
        echoes += 1;
      }
      if (echoes < MAX_ECHOES) return;
      socket.removeAllListeners('data');
      socket.end(() => socket.destroySoon());
    });
  }
}
