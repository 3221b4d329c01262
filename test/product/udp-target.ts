import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** What IPv4 permits. A released rathole drops what a datagram has above 2,048 bytes. */
export const LONGEST_DATAGRAM = 65_507;

const RECEIVE_BUFFER_BYTES = 1024 * 1024;

export const inverted = (bytes: Uint8Array): Buffer => Buffer.from(bytes.map((byte) => ~byte));

/** A service that gives every datagram back with each of its bits turned round. */
export class UdpTarget {
  private constructor(private readonly socket: Socket) {}

  static async listen(port: number): Promise<UdpTarget> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
    socket.on('message', (bytes, { address, port }) =>
      // Lost like any datagram when the asker is gone.
      socket.send(inverted(bytes), port, address, () => {}),
    );
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpTarget(socket);
  }

  get address(): string {
    const { address, port } = this.socket.address();
    return `${address}:${port}`;
  }

  async stop(): Promise<void> {
    this.socket.close();
    await once(this.socket, 'close');
  }
}
