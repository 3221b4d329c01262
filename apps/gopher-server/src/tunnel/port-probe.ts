import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { TunnelProtocol } from './tunnel.entity.js';

const RETRY_MS = 50;

export interface PortObstacle {
  /** Why rathole could not listen there, for a person to read. */
  why: string;
  /** Another port of the same address would be no better. */
  ofAddress: boolean;
}

/** Whether rathole could listen on a port of the edge now. */
@Injectable()
export class PortProbe {
  /**
   * null: it is free.
   * @param patienceMs how long a port that is in use may take to be closed
   */
  async obstacle(
    protocol: TunnelProtocol,
    address: string,
    port: number,
    patienceMs = 0,
  ): Promise<PortObstacle | null> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const code = await this.tryToBind(protocol, address, port);
      if (code === null) return null;
      if (code !== 'EADDRINUSE') return obstacleOf(code);
      if (Date.now() >= deadline)
        return { why: 'by another program on the edge', ofAddress: false };
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

function obstacleOf(code: string): PortObstacle {
  if (code === 'EACCES') {
    const why = 'because ports below 1024 need a privilege that Gopher has not';
    return { why, ofAddress: false };
  }
  if (code === 'EADDRNOTAVAIL')
    return { why: 'because the edge does not have it', ofAddress: true };
  return { why: `because of ${code}`, ofAddress: true };
}
