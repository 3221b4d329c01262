import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import {
  HandRunClient,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
} from '../../../test/product/index.js';

const INTERVAL_S = 5;
/** Whose turn it is is looked at every second. */
const TICK_MS = 1_000;
const RETRY_MS = 2_000;
/** A test host is busy. */
const SLACK_MS = 4_000;
/** A silent service is given 5 s, twice. */
const SILENCE_MS = 2 * 5_000;
const SEEN_WITHIN_MS = INTERVAL_S * 1_000 + RETRY_MS + 2 * TICK_MS + SLACK_MS;

interface Entry {
  at: string;
  outcome: 'passed' | 'failed' | 'unverified';
  proof: string | null;
  leg: string | null;
  reason: string | null;
  edgeToMachineMs: number | null;
  machineToTargetMs: number | null;
  firstByteMs: number | null;
  totalMs: number | null;
}

interface ProbesView {
  last: Entry | null;
  lastHour: { probes: number; failed: number; unverified: number; loss: number | null };
  recent: Entry[];
}

type Seen = TunnelView & { proof: string | null; probedAt: string | null };
type Speaks = 'http' | 'tls' | 'banner' | null;

/** A service that can die and come back, and counts what reaches it. */
class Service {
  connections = 0;
  received = 0;
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();

  constructor(
    readonly port: number,
    private readonly make: () => Server,
  ) {}

  get target(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const server = this.make();
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => (this.received += bytes.length));
    });
    server.on('tlsClientError', () => {});
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = null;
    for (const socket of this.sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

const SERVICES = {
  http: () => createHttpServer((_, response) => response.writeHead(404).end()),
  // Without a certificate it answers a hello with an alert, which is TLS.
  tls: () => createTlsServer(),
  banner: () => createServer((socket) => void socket.write('220 ready\r\n')),
  silent: () => createServer(),
};

describe('probes of tunnels that are up', () => {
  const stack = new AsyncDisposableStack();
  let edge: TestEdge;
  let machine: TestMachine;

  beforeAll(async () => {
    edge = await TestEdge.start({ GOPHER_PROBE_INTERVAL_SECONDS: String(INTERVAL_S) });
    stack.defer(() => edge.stop());
    machine = await TestMachine.join(edge, 'attic');
    stack.defer(() => machine.stop());
  });
  afterAll(() => stack.disposeAsync());

  const service = async (make: () => Server): Promise<Service> => {
    const its = new Service(edge.ports.next(), make);
    stack.defer(() => its.stop());
    await its.start();
    return its;
  };

  const publish = async (target: string, speaks: Speaks, machineId = machine.id): Promise<Seen> => {
    const body = { machineId, target, speaks };
    const { id } = await edge.api<TunnelView>('POST', '/tunnels', body);
    return (await edge.activeTunnel(id)) as Seen;
  };

  const read = (id: string) => edge.api<Seen>('GET', `/tunnels/${id}`);
  const probes = (id: string) => edge.api<ProbesView>('GET', `/tunnels/${id}/probes`);

  const untilFailed = (id: string, withinMs = SEEN_WITHIN_MS): Promise<Seen> =>
    until(
      `tunnel ${id} has failed`,
      async () => {
        const tunnel = await read(id);
        return tunnel.state === 'failed' && tunnel;
      },
      withinMs,
    );

  /** The probe after so many from now on. */
  const untilProbed = async (id: string, times = 1): Promise<Entry> => {
    const { recent } = await probes(id);
    const since = recent[0]?.at ?? '';
    return until(
      `tunnel ${id} is probed ${times} times`,
      async () => {
        const fresh = (await probes(id)).recent.filter(({ at }) => at > since);
        return fresh.length >= times && fresh[0]!;
      },
      times * (INTERVAL_S * 1_000 + SLACK_MS),
    );
  };

  describe.each([
    ['http', 'http'],
    ['tls', 'tls'],
    ['banner', 'banner'],
    ['silent', null],
  ] as const)('of a service that is %s, declared %s', (kind, speaks) => {
    let its: Service;
    let tunnel: Seen;

    beforeAll(async () => {
      its = await service(SERVICES[kind]);
      tunnel = await publish(its.target, speaks);
    });

    it('pass, say on what, and measure the legs', async () => {
      // The first is the visit that made it active.
      const entry = await untilProbed(tunnel.id, 2);
      expect(entry).toMatchObject({ outcome: 'passed', proof: speaks ? 'bytes' : 'accepted' });
      expect(entry.edgeToMachineMs).toBeGreaterThan(0);
      // To one of its own machine that is not declared the agent connects once.
      if (speaks !== null) expect(entry.machineToTargetMs).toBeGreaterThan(0);
      expect(entry.totalMs === null).toBe(speaks === null);
      expect(entry.firstByteMs === null).toBe(speaks === null);
    });

    it('see that it died behind its live tunnel, and that it is back', async () => {
      const diedAt = performance.now();
      await its.stop();
      const failed = await untilFailed(tunnel.id);
      console.log(`${kind}: seen after ${Math.round(performance.now() - diedAt)} ms`);
      expect(failed).toMatchObject({
        leg: 'machine→target',
        reason: expect.stringMatching(/nothing listens there/) as string,
      });
      const { lastHour } = await until('both probes are written down', async () => {
        const found = await probes(tunnel.id);
        return found.lastHour.failed >= 2 && found;
      });
      expect(lastHour.loss).toBeGreaterThan(0);
      await its.start();
      await edge.activeTunnel(tunnel.id, SEEN_WITHIN_MS);
    });
  });

  it('see that a service that is declared HTTP fell silent', async () => {
    const its = await service(SERVICES.http);
    const tunnel = await publish(its.target, 'http');
    await its.stop();
    const silent = new Service(its.port, SERVICES.silent);
    stack.defer(() => silent.stop());
    await silent.start();
    const failed = await untilFailed(tunnel.id, SEEN_WITHIN_MS + SILENCE_MS);
    expect(failed).toMatchObject({
      leg: 'machine→target',
      reason: expect.stringMatching(/does not speak HTTP.*says nothing/) as string,
    });
  });

  it('begin at once with what a tunnel is said to speak, and end with it', async () => {
    const its = await service(SERVICES.banner);
    const { id } = await publish(its.target, null);
    await edge.api('PATCH', `/tunnels/${id}`, { speaks: 'http' });
    await untilFailed(id, SILENCE_MS);
    await edge.api('PATCH', `/tunnels/${id}`, { speaks: 'banner' });
    await edge.activeTunnel(id, SILENCE_MS);
    const { recent } = await probes(id);
    expect(recent.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });

  it('send no byte to what is not declared, and visit it not once', async () => {
    const its = await service(SERVICES.silent);
    const { id } = await publish(its.target, null);
    await untilProbed(id, 2); // the visit that made it active, and the one connection of the agent
    const { connections } = its;
    const entry = await untilProbed(id, 3);
    expect(entry).toMatchObject({ outcome: 'passed', proof: 'accepted', machineToTargetMs: null });
    expect([its.connections, its.received]).toEqual([connections, 0]);
  });

  it('are not held against a tunnel whose agent is away, and say what they rest on', async () => {
    const its = await service(SERVICES.silent);
    const http = await service(SERVICES.http);
    const [undeclared, declared] = [
      await publish(its.target, null),
      await publish(http.target, 'http'),
    ];
    await machine.endAgent('SIGKILL');
    stack.defer(() => (machine.agent ? undefined : machine.startAgent()));
    const told = await until('its probe says so', async () => {
      const { last } = await probes(undeclared.id);
      return last?.outcome === 'unverified' && last;
    });
    expect(told.reason).toMatch(/agent does not answer/);
    expect(await untilProbed(declared.id)).toMatchObject({ outcome: 'passed', proof: 'bytes' });
    await untilProbed(undeclared.id, 2);
    expect(await read(undeclared.id)).toMatchObject({ state: 'active', proof: 'unverified' });
    await machine.startAgent();
    await machine.untilUp();
    const again = await until('the agent is asked again', async () => {
      const { last } = await probes(undeclared.id);
      return last?.outcome === 'passed' && last;
    });
    expect(again.proof).toBe('accepted');
  });

  it('go with their tunnel', async () => {
    const its = await service(SERVICES.banner);
    const { id } = await publish(its.target, 'banner');
    await untilProbed(id);
    await edge.api('DELETE', `/tunnels/${id}`);
    expect((await edge.call('GET', `/tunnels/${id}/probes`)).status).toBe(404);
  });

  describe('of a machine without an agent', () => {
    let tunnel: Seen;
    let its: Service;

    beforeAll(async () => {
      its = await service(SERVICES.silent);
      const { id } = await edge.createMachine('cellar');
      const client = new HandRunClient(edge.directory);
      stack.defer(() => client.kill());
      const made = await edge.createTunnel({ machineId: id, target: its.target });
      const { token } = await edge.api<{ token: string }>(
        'POST',
        `/machines/${id}/client-config-tokens`,
      );
      const config = await fetch(`${edge.url}/api/v1/machines/${id}/client.toml`, {
        headers: { authorization: `Bearer ${token}` },
      });
      await client.write(await config.text());
      await client.start();
      tunnel = (await edge.activeTunnel(made.id)) as Seen;
    });

    it('say that nothing is verified where nothing is declared and nobody visits', async () => {
      await until('it is probed', async () => (await read(tunnel.id)).proof === 'unverified');
      const before = its.connections;
      const entry = await untilProbed(tunnel.id, 2);
      expect(entry).toMatchObject({ outcome: 'unverified', proof: null });
      expect(entry.reason).toMatch(/has no agent/);
      expect([its.connections, its.received]).toEqual([before, 0]);
      expect((await read(tunnel.id)).state).toBe('active');
    });

    it('rest on the bytes that a real visitor gets', async () => {
      await its.stop();
      const talking = new Service(its.port, SERVICES.banner);
      stack.defer(() => talking.stop());
      await talking.start();
      const visitor = connect(tunnel.port, '127.0.0.1');
      stack.defer(() => void visitor.destroy());
      await once(visitor, 'data');
      // The probe that is under way may have looked before.
      await until(
        'a probe rests on his bytes',
        async () => {
          const { last } = await probes(tunnel.id);
          return last?.outcome === 'passed' && last.proof === 'bytes';
        },
        2 * (INTERVAL_S * 1_000 + SLACK_MS),
      );
    });
  });
});
