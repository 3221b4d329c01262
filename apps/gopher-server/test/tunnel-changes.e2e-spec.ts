import {
  IdleConnection,
  inverted,
  listens,
  payload,
  refuses,
  refusesUdp,
  serves,
  TcpDownload,
  TcpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  UdpTarget,
  UdpVisitor,
  until,
} from '../../../test/product/index.js';

/** From the DELETE on, its own time included. */
const CLOSED_WITHIN_MS = 2_000;
/** Also from the DELETE on: connections that were established before it. */
const ENDED_WITHIN_MS = 1_000;
/** A connection that a change touches is closed; one that is only starved waits as long as this. */
const LONGEST_GAP_MS = 2_000;

type Protocol = 'tcp' | 'udp';

describe('tunnels that come and go', () => {
  const stack = new AsyncDisposableStack();
  let edge: TestEdge;
  let machine: TestMachine;
  let targets: { tcp: TcpTarget; udp: UdpTarget };

  beforeAll(async () => {
    edge = await TestEdge.start();
    stack.defer(() => edge.stop());
    machine = await TestMachine.join(edge, 'attic');
    stack.defer(() => machine.stop());
    const tcp = await TcpTarget.listen(edge.ports.next());
    stack.defer(() => tcp.stop());
    const udp = await UdpTarget.listen(edge.ports.next());
    stack.defer(() => udp.stop());
    targets = { tcp, udp };
  });

  afterAll(() => stack.disposeAsync());

  const bytesPass = (address: string, protocol: Protocol) =>
    protocol === 'tcp' ? serves(address) : answers(address);

  const isClosed = (address: string, protocol: Protocol) =>
    protocol === 'tcp' ? refuses(address) : refusesUdp(address);

  /** Resolves once bytes pass it. */
  const add = async (protocol: Protocol = 'tcp', of = machine): Promise<TunnelView> => {
    const target = targets[protocol].address;
    const tunnel = await edge.createTunnel({ machineId: of.id, target, protocol });
    await until(`bytes pass tunnel ${tunnel.id}`, () => bytesPass(tunnel.address, protocol));
    return tunnel;
  };

  /** Resolves with how long its port went on listening. */
  const remove = async ({ id, address }: TunnelView, protocol: Protocol = 'tcp') => {
    const begun = performance.now();
    await edge.api('DELETE', `/tunnels/${id}`);
    await until(`${address} is closed`, () => !listens(address, protocol), 10_000);
    const took = performance.now() - begun;
    expect(await isClosed(address, protocol)).toBe(true);
    return took;
  };

  const pids = () => [edge.enginePid('rathole-server'), machine.clientPid('data')];

  it('leave a download, an idle connection and new visitors of another tunnel alone', async () => {
    const { address } = await add();
    const before = pids();
    const idle = await IdleConnection.open(address);
    expect(await idle.echo('before')).toBe('before');
    const download = await TcpDownload.start(address);
    await until('the download has begun', () => download.bytes > 0);
    const callers = new Callers(address);

    const protocols: Protocol[] = [
      'tcp',
      'tcp',
      'tcp',
      'udp',
      'tcp',
      'tcp',
      'tcp',
      'udp',
      'tcp',
      'tcp',
    ];
    const added: { tunnel: TunnelView; protocol: Protocol }[] = [];
    for (const protocol of protocols) added.push({ tunnel: await add(protocol), protocol });
    for (const { tunnel, protocol } of added) await bytesPass(tunnel.address, protocol);
    for (const { tunnel, protocol } of added) {
      const bytes = download.bytes;
      expect(await remove(tunnel, protocol)).toBeLessThan(CLOSED_WITHIN_MS);
      await until('the download goes on', () => download.bytes > bytes);
    }
    for (const { tunnel, protocol } of added) {
      expect(await isClosed(tunnel.address, protocol)).toBe(true);
    }
    await until('the agent has taken every change', async () => {
      const { rathole } = await edge.status<Told>(machine.id);
      return rathole?.activeTunnels === 1;
    });

    const { served, failures } = await callers.end();
    expect(failures).toEqual([]);
    expect(served).toBeGreaterThan(10);
    expect(await idle.echo('after')).toBe('after');
    idle.close();
    targets.tcp.finishDrips();
    const arrived = await download.done;
    expect(arrived).toBe(targets.tcp.drippedSha256);
    expect(download.longestGapMs).toBeLessThan(LONGEST_GAP_MS);
    expect(pids()).toEqual(before);
  });

  it('end their own connections within 1 s of their removal, and no other', async () => {
    const target = await TcpTarget.listen(edge.ports.next());
    stack.defer(() => target.stop());
    const publish = () => edge.publish(machine.id, target.address);
    const [gone, kept] = [await publish(), await publish()];
    const idle = await IdleConnection.open(gone.address);
    expect(await idle.echo('before')).toBe('before');
    const revoked = await TcpDownload.start(gone.address);
    const [stays, other] = [
      await IdleConnection.open(kept.address),
      await TcpDownload.start(kept.address),
    ];
    await until('both downloads have begun', () => revoked.bytes > 0 && other.bytes > 0);

    const begun = performance.now();
    await edge.api('DELETE', `/tunnels/${gone.id}`);
    await Promise.all([idle.ended, revoked.done.catch(() => {})]);
    expect(performance.now() - begun).toBeLessThan(ENDED_WITHIN_MS);

    const bytes = other.bytes;
    await until('the other download goes on', () => other.bytes > bytes);
    expect(await stays.echo('after')).toBe('after');
    stays.close();
    target.finishDrips();
    expect(await other.done).toBe(target.drippedSha256);
    await remove(kept);
  });

  it('serve again on a port that was just given back', async () => {
    const first = await add();
    await remove(first);
    const target = targets.tcp.address;
    const second = await edge.createTunnel({ machineId: machine.id, target, port: first.port });
    await until('bytes pass the second', () => serves(second.address));
    await remove(second);
  });

  describe('refuse within 2 s of their removal', () => {
    /** A machine whose only tunnels are these. */
    const alone = async (name: string) => {
      const other = await TestMachine.join(edge, name);
      stack.defer(() => other.stop());
      return other;
    };

    it.each(['tcp', 'udp'] as const)('the first, and the last %s one too', async (protocol) => {
      const other = await alone(`barn-${protocol}`);
      const [first, last] = [await add(protocol, other), await add(protocol, other)];
      expect(await remove(first, protocol)).toBeLessThan(CLOSED_WITHIN_MS);
      expect(await bytesPass(last.address, protocol)).toBe(true);
      expect(await remove(last, protocol)).toBeLessThan(CLOSED_WITHIN_MS);
      await other.untilUp();
    });

    it.each(['tcp', 'udp'] as const)(
      'also while their machine is offline, and for good: %s',
      async (protocol) => {
        const other = await alone(`cellar-${protocol}`);
        const [first, last] = [await add(protocol, other), await add(protocol, other)];
        const clients = (['control', 'data'] as const).map((name) => other.clientPid(name));
        await other.endAgent('SIGKILL');
        for (const pid of clients) process.kill(pid, 'SIGKILL');

        expect(await remove(first, protocol)).toBeLessThan(CLOSED_WITHIN_MS);
        expect(await remove(last, protocol)).toBeLessThan(CLOSED_WITHIN_MS);

        // It comes back with the configuration it had, in which both tunnels still are.
        await other.startAgent();
        await until('the agent runs the configuration without tunnels', async () => {
          const { rathole, dataPath } = await edge.status<Told>(other.id);
          return rathole?.activeTunnels === 0 && dataPath?.serves === true;
        });
        expect(await isClosed(first.address, protocol)).toBe(true);
        expect(await isClosed(last.address, protocol)).toBe(true);
      },
    );

    it('all at once when their machine is removed', async () => {
      const other = await alone('shed');
      const tunnels = [await add('tcp', other), await add('udp', other)] as const;
      const begun = performance.now();
      await edge.api('DELETE', `/machines/${other.id}`);
      const [tcp, udp] = tunnels.map(({ address }) => address) as [string, string];
      await until('both ports are closed', () => !listens(tcp) && !listens(udp, 'udp'), 10_000);
      expect(performance.now() - begun).toBeLessThan(CLOSED_WITHIN_MS);
      expect(await refuses(tcp)).toBe(true);
      expect(await refusesUdp(udp)).toBe(true);
    });
  });
});

interface Told {
  rathole: { activeTunnels: number } | null;
  dataPath: { serves: boolean } | null;
}

async function answers(address: string): Promise<boolean> {
  const visitor = await UdpVisitor.to(address);
  try {
    const datagram = payload(64);
    return (await visitor.ask(datagram)).equals(inverted(datagram));
  } finally {
    visitor.close();
  }
}

/** They come one after the other, each on a connection of its own, until they are let go. */
class Callers {
  private readonly failures: string[] = [];
  private served = 0;
  private ended = false;
  private readonly done: Promise<void>;

  constructor(address: string) {
    this.done = this.keepComing(address);
  }

  async end(): Promise<{ served: number; failures: string[] }> {
    this.ended = true;
    await this.done;
    return { served: this.served, failures: this.failures };
  }

  private async keepComing(address: string): Promise<void> {
    while (!this.ended) {
      await serves(address).then(
        () => (this.served += 1),
        (error: unknown) => this.failures.push(String(error)),
      );
    }
  }
}
