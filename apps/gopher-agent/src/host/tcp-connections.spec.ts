import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { ConnectionLook } from './tcp-connections.js';

/** The kernel's own tables, for connections of this very process. */
describe(ConnectionLook.name, () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['127.0.0.1', 'localhost'],
  ])('sees a connection to %s when it is asked for %s, and its end', async (host, asked) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const look = new ConnectionLook({ host: asked, port });
    expect(look.isConnected(process.pid)).toBe(false);
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const socket = connect(port, host);
    await once(socket, 'connect');
    expect(look.isConnected(process.pid)).toBe(true);
    expect(look.isConnected(process.pid)).toBe(true);
    expect(new ConnectionLook({ host: asked, port: port ^ 1 }).isConnected(process.pid)).toBe(
      false,
    );
    const [other] = await accepted;
    socket.destroy();
    other.destroy();
    server.close();
    await once(server, 'close');
    expect(look.isConnected(process.pid)).toBe(false);
  });

  it('does not take another address for it, nor a process that does not exist', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    expect(new ConnectionLook({ host: '127.0.0.2', port }).isConnected(process.pid)).toBe(false);
    expect(new ConnectionLook({ host: '127.0.0.1', port }).isConnected(2 ** 22 + 1)).toBe(false);
    socket.destroy();
    server.close();
  });
});
