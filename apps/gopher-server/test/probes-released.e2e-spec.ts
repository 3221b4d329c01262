import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  releasedRathole,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
} from '../../../test/product/index.js';

type Seen = TunnelView & { proof: string | null };

const released = releasedRathole();

/** A released rathole keeps the ports of a client that is gone open, and takes visitors for it. */
describe('probes on an edge with a released rathole', () => {
  const stack = new AsyncDisposableStack();
  let edge: TestEdge;
  let machine: TestMachine;

  beforeAll(async () => {
    if (released === null) return;
    const settings = { GOPHER_RATHOLE: released };
    edge = await TestEdge.start({ ...settings, GOPHER_PROBE_INTERVAL_SECONDS: '5' });
    stack.defer(() => edge.stop());
    machine = await TestMachine.join(edge, 'attic');
    stack.defer(() => machine.stop());
  });

  beforeEach(({ skip }) => {
    skip(released === null, 'there is no released rathole: npm run rathole -- --released');
  });

  afterAll(() => stack.disposeAsync());

  const publish = async (speaks: 'banner' | null): Promise<TunnelView> => {
    const service = createServer((socket) => {
      socket.on('error', () => {});
      if (speaks) socket.write('220 ready\r\n');
    });
    stack.defer(() => void service.close());
    const port = edge.ports.next();
    await once(service.listen(port, '127.0.0.1'), 'listening');
    const target = `127.0.0.1:${port}`;
    const body = { machineId: machine.id, target, speaks };
    const { id } = await edge.api<TunnelView>('POST', '/tunnels', body);
    return edge.activeTunnel(id);
  };

  const is = (state: string, { id }: TunnelView) =>
    until(`tunnel ${id} is ${state}`, async () => {
      const tunnel = await edge.api<Seen>('GET', `/tunnels/${id}`);
      if (tunnel.state === state) return tunnel;
      throw new Error(JSON.stringify(tunnel));
    });

  it('see that the data client is gone behind ports that stay open, and that it is back', async () => {
    const [declared, undeclared] = [await publish('banner'), await publish(null)];
    await machine.endAgent('SIGKILL'); // it would start its client again
    process.kill(machine.clientPid('data'), 'SIGKILL');
    for (const tunnel of [declared, undeclared]) {
      expect(await is('failed', tunnel)).toMatchObject({ leg: 'rathole→machine' });
    }
    await machine.startAgent();
    for (const tunnel of [declared, undeclared]) await is('active', tunnel);
  });
});
