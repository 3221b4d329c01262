import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { TunnelProtocol } from './tunnel.entity.js';

/** rathole closes the port of a tunnel that was removed a moment after its file changed. */
const CLOSING_MS = 1_000;
const RETRY_MS = 50;

/** Whether rathole could listen on a port of the edge now. */
@Injectable()
export class PortProbe {
  /** null: it is free; otherwise why it is not, for a person to read. */
  async busy(protocol: TunnelProtocol, address: string, port: number): Promise<string | null> {
    const deadline = Date.now() + CLOSING_MS;
    for (;;) {
      const reason = await this.tryToBind(protocol, address, port);
      if (reason !== 'EADDRINUSE') return reason === null ? null : describe(reason, address);
      if (Date.now() > deadline) return 'by another program on the edge';
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  private async tryToBind(
    protocol: TunnelProtocol,
    address: string,
    port: number,
  ): Promise<string | null> {
    try {
      await (protocol === 'tcp' ? bindTcp(address, port) : bindUdp(address, port));
      return null;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }
}

async function bindTcp(host: string, port: number): Promise<void> {
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function bindUdp(address: string, port: number): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind({ address, port, exclusive: true });
  try {
    await once(socket, 'listening');
  } finally {
    socket.close();
  }
}

function describe(code: string, address: string): string {
  if (code === 'EACCES') return 'because ports below 1024 need a privilege that Gopher has not';
  if (code === 'EADDRNOTAVAIL') return `because the edge has no address ${address}`;
  return `because of ${code}`;
}
