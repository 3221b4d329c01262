import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { CHECK_BYTES, CheckListener } from './check-listener.js';

describe(CheckListener.name, () => {
  let listener: CheckListener;
  let port: number;

  beforeEach(async () => {
    port = await unusedPort();
    listener = new CheckListener(port);
    await listener.start();
  });
  afterEach(() => listener.stop());

  it('gives back 32 bytes, however they arrive, at once, and a second time, and closes', async () => {
    const sent = Buffer.from(Array.from({ length: CHECK_BYTES }, (_, i) => i * 7));
    const socket = await open();
    for (const end of [false, true]) {
      socket.write(sent.subarray(0, 5));
      socket.write(sent.subarray(5));
      if (!end) expect((await once(socket, 'data'))[0]).toEqual(sent);
    }
    expect(await received(socket)).toEqual(sent);
  });

  it('gives back no more than 32 bytes twice', async () => {
    const socket = await open();
    socket.write(Buffer.alloc(1_000, 'x'));
    expect(await received(socket)).toEqual(Buffer.alloc(2 * CHECK_BYTES, 'x'));
  });

  it('serves 32 connections at once and turns away more', async () => {
    const sockets = await Promise.all(Array.from({ length: 40 }, () => open()));
    await Promise.all(sockets.slice(32).map((socket) => received(socket)));
    const served = sockets.slice(0, 32).map((socket) => {
      socket.write(Buffer.alloc(2 * CHECK_BYTES, 'y'));
      return received(socket);
    });
    for (const echoed of await Promise.all(served)) expect(echoed).toHaveLength(2 * CHECK_BYTES);
    for (const socket of sockets) socket.destroy();
  });

  it('closes a connection that says nothing for 5 s', async () => {
    const socket = await open();
    const startedAt = performance.now();
    expect(await received(socket)).toHaveLength(0);
    expect(performance.now() - startedAt).toBeGreaterThan(4_500);
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  });

  async function open(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }
});

async function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: true }))
    chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
