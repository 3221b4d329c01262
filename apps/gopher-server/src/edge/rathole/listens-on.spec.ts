import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { listensOn } from './listens-on.js';

describe(listensOn.name, () => {
  let server: Server;
  let port: number;

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as { port: number });
  });
  afterEach(() => void server.close());

  it('knows the process that has the port from others', async () => {
    expect(await listensOn(process.pid, port)).toBe(true);
    expect(await listensOn(process.ppid, port)).toBe(false);
  });

  it('is false once it is closed', async () => {
    server.close();
    await once(server, 'close');
    expect(await listensOn(process.pid, port)).toBe(false);
  });
});
