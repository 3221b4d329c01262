import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { countConnections } from './target-connections.js';

/** The kernel's own tables, for connections of this very process. */
describe(countConnections.name, () => {
  const sockets: Socket[] = [];

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  async function listen(host: string): Promise<{ server: Server; port: number }> {
    const server = createServer((socket) => sockets.push(socket)).listen(0, host);
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return { server, port: (server.address() as AddressInfo).port };
  }

  async function visit(host: string, port: number, count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const socket = connect(port, host);
      sockets.push(socket);
      await once(socket, 'connect');
    }
  }

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['127.0.0.1', 'localhost'],
    ['::1', 'localhost'],
    ['127.0.0.1', 'a-name-that-only-rathole-looks-up'],
  ])('counts those to %s when it is asked for %s', async (host, asked) => {
    const { port } = await listen(host);
    const target = { host: asked, port };
    expect(countConnections(process.pid, [target])).toEqual([0]);
    await visit(host, port, 3);
    // Both ends are this process's, and only one of them is one to the target.
    expect(countConnections(process.pid, [target])).toEqual([3]);
  });

  it('counts each target for itself, in their order', async () => {
    const [one, other] = [await listen('127.0.0.1'), await listen('127.0.0.1')];
    await visit('127.0.0.1', one.port, 2);
    await visit('127.0.0.1', other.port, 5);
    const targets = [other, one, other].map(({ port }) => ({ host: '127.0.0.1', port }));
    expect(countConnections(process.pid, targets)).toEqual([5, 2, 5]);
    const elsewhere = { host: '127.0.0.2', port: one.port };
    expect(countConnections(process.pid, [elsewhere])).toEqual([0]);
  });

  it('does not tell of a name whose port another target has as well', async () => {
    const { port } = await listen('127.0.0.1');
    await visit('127.0.0.1', port, 2);
    const targets = ['one.name', 'other.name', '127.0.0.1'].map((host) => ({ host, port }));
    expect(countConnections(process.pid, targets)).toEqual([null, null, 2]);
    expect(countConnections(process.pid, [targets[0]!, targets[0]!])).toEqual([2, 2]);
  });

  it('does not count those of another process', async () => {
    const { port } = await listen('127.0.0.1');
    await visit('127.0.0.1', port, 2);
    const target = { host: '127.0.0.1', port };
    expect(countConnections(process.ppid, [target])).toEqual([0]);
    expect(countConnections(2 ** 22 + 1, [target])).toEqual([0]);
  });
});
