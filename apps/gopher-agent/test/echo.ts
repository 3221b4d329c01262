import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { freePort } from '../../../test/product/free-port.js';

/** A target that gives back what it gets. */
export async function startEcho(): Promise<[Server, number]> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return [server, port];
}

/** What one new connection brings back of `sent`; '' when it ends or stays silent before that. */
export function exchange(port: number, sent: string, timeoutMs = 1_000): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, '127.0.0.1');
    const end = () => {
      socket.destroy();
      resolve(received);
    };
    socket.setTimeout(timeoutMs, end);
    socket.on('error', end).on('close', end);
    socket.on('data', (chunk) => {
      received += String(chunk);
      if (received.length >= sent.length) end();
    });
    socket.write(sent);
  });
}

/** One connection that stays open. */
export async function keepOpen(port: number) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  return {
    say: async (text: string) => {
      socket.write(text);
      const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })) as [
        Buffer,
      ];
      return String(chunk);
    },
    end: () => socket.destroy(),
  };
}
