import { once } from 'node:events';
import { createServer } from 'node:net';
import { listens } from '../../../test/product/listening.js';
import { releasedRathole } from '../../../test/product/rathole.js';
import { until } from '../../../test/product/until.js';
import { Reconciler } from '../src/edge/reconciler.js';
import { TestingMachine } from './testing-machine.js';
import { TestingServer } from './testing-server.js';

interface Edge {
  rathole: { pid: number; problem: string | null };
}

const released = releasedRathole();
const engines: [string, string | null][] = [
  ["Gopher's rathole", ''],
  ['a released rathole', released],
];

describe.each(engines)('a changed address of %s', (_, engine) => {
  let server: TestingServer;
  let machine: TestingMachine;

  beforeAll(async () => {
    if (engine === null) return;
    server = await TestingServer.start(engine === '' ? {} : { GOPHER_RATHOLE: engine });
    machine = await TestingMachine.join(server, 'home');
  });
  afterAll(async () => {
    await machine?.stop();
    await server?.stop();
  });

  const problem = async () => (await server.api<Edge>('GET', '/edge')).rathole.problem;
  const bind = (port: number) => {
    server.settings['GOPHER_RATHOLE_BIND'] = `127.0.0.1:${port}`;
    server.settings['GOPHER_RATHOLE_PUBLIC'] = `127.0.0.1:${server.ports.rathole}`;
  };
  const pass = () => server.get(Reconciler).settled();
  /** Serves: its client is connected, and its port open. */
  const tunnelOf = async () => {
    const tunnel = await machine.createTunnel();
    await until('its port is open', () => listens(tunnel.address));
    return tunnel;
  };

  it.skipIf(engine === null)(
    'that is in use is not taken, and the tunnels go on; once it is free it is',
    async () => {
      const tunnel = await tunnelOf();
      const { pid } = (await server.api<Edge>('GET', '/edge')).rathole;
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as { port: number };
      bind(port);
      await server.restart();
      expect(await problem()).toMatch(
        new RegExp(`goes on with 127.0.0.1:${server.ports.rathole}: 127.0.0.1:${port} .*taken by`),
      );
      expect((await server.api<Edge>('GET', '/edge')).rathole.pid).toBe(pid);
      expect(listens(tunnel.address)).toBe(true);
      await server.untilAgentIs(machine.id, 'up');
      await tunnelOf(); // what changes otherwise goes on as well
      expect(await problem()).toContain('goes on with');

      taken.close();
      await once(taken, 'close');
      await pass();
      expect(await problem()).toBeNull();
      expect(listens(`127.0.0.1:${port}`)).toBe(true);
    },
  );

  it.skipIf(engine === null)(
    'that rathole turns out not to be capable of is taken back',
    async () => {
      bind(server.ports.rathole);
      await server.restart();
      await until('it is back', () => listens(`127.0.0.1:${server.ports.rathole}`));
      const tunnel = await until('the machine is back', async () => {
        const first = await machine.createTunnel();
        await until('its port is open', () => listens(first.address), 5_000);
        return first;
      });
      // The port is the same, so that nobody can tell beforehand.
      server.settings['GOPHER_RATHOLE_BIND'] = `192.0.2.1:${server.ports.rathole}`;
      await server.restart();
      expect(await problem()).toMatch(/did not listen on 192\.0\.2\.1:\d+/);
      expect(await server.serverToml()).toContain(`"127.0.0.1:${server.ports.rathole}"`);
      await until('the tunnel serves again', () => listens(tunnel.address));
      await pass();
      expect(await problem()).toMatch(/did not listen/);

      bind(server.ports.rathole);
      await server.restart();
      expect(await problem()).toBeNull();
    },
  );
});
