import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { TestEdge, TestMachine } from '../../../test/product/index.js';

describe('a tunnel', () => {
  let edge: TestEdge;
  let machine: TestMachine;
  let target: Server;

  beforeAll(async () => {
    edge = await TestEdge.start();
    machine = await TestMachine.join(edge, 'attic');
    target = createServer((_, response) => response.end('bytes')).listen(edge.ports.next());
    await once(target, 'listening');
  });

  afterAll(async () => {
    target.close();
    await machine.stop();
    await edge.stop();
  });

  it('serves what its target serves', async () => {
    const { port } = target.address() as { port: number };
    const { id } = await edge.createTunnel({ machineId: machine.id, target: `127.0.0.1:${port}` });
    const tunnel = await edge.activeTunnel(id);
    expect(await (await fetch(`http://${tunnel.address}/`)).text()).toBe('bytes');
  });
});
