import {
  exchange,
  IdleConnection,
  inverted,
  payload,
  ratholePath,
  refuses,
  releasedRathole,
  serves,
  TcpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  UdpTarget,
  UdpVisitor,
  until,
} from '../../../test/product/index.js';

interface Lacking {
  version: string;
  lacks: { id: string }[];
}

const MIB = 1024 * 1024;
const SERVER_LACKS = [
  'handshake-task',
  'revocation',
  'restart-retry',
  'dead-pooled-channel',
  'nodelay',
  'pool-size',
  'udp-datagrams',
];
const CLIENT_LACKS = ['handshake-task', 'restart-retry', 'nodelay', 'udp-datagrams'];

const patched = await ratholePath();
const released = releasedRathole();

/** What the end-to-end tests show for Gopher's own build has to hold, in short, for every pair. */
describe.for([
  { server: 'patched', client: 'released' },
  { server: 'released', client: 'patched' },
  { server: 'released', client: 'released' },
  { server: 'patched', client: 'patched' },
])('a $server server with a $client client', ({ server, client }) => {
  const stack = new AsyncDisposableStack();
  let edge: TestEdge;
  let machine: TestMachine;
  let targets: { tcp: TcpTarget; udp: UdpTarget };
  let tunnel: TunnelView;

  beforeAll(async () => {
    if (released === null) return;
    const program = { patched, released };
    edge = await TestEdge.start({ GOPHER_RATHOLE: program[server as keyof typeof program] });
    stack.defer(() => edge.stop());
    const settings = { GOPHER_RATHOLE: program[client as keyof typeof program] };
    machine = await TestMachine.join(edge, 'attic', settings);
    stack.defer(() => machine.stop());
    const tcp = await TcpTarget.listen(edge.ports.next());
    stack.defer(() => tcp.stop());
    const udp = await UdpTarget.listen(edge.ports.next());
    stack.defer(() => udp.stop());
    targets = { tcp, udp };
    tunnel = await edge.publish(machine.id, tcp.address);
  });

  beforeEach(({ skip }) => {
    skip(released === null, 'there is no released rathole: npm run rathole -- --released');
  });

  afterAll(() => stack.disposeAsync());

  it('says what each side lacks', async () => {
    const onEdge = await edge.api<{ rathole: Lacking }>('GET', '/edge');
    const onMachine = await edge.status<{ rathole: Lacking }>(machine.id);
    const ids = ({ rathole }: { rathole: Lacking }) => rathole.lacks.map(({ id }) => id);
    expect(ids(onEdge)).toEqual(server === 'released' ? SERVER_LACKS : []);
    expect(ids(onMachine)).toEqual(client === 'released' ? CLIENT_LACKS : []);
    expect(onEdge.rathole.version).toMatch(server === 'released' ? /^0\.5\.0$/ : /\+gopher\.\d/);
    expect(onMachine.rathole.version).toMatch(client === 'released' ? /^0\.5\.0$/ : /\+gopher\./);
  });

  it('carries bytes unchanged, many visitors at once, and datagrams', async () => {
    for (const size of [1, 64, 8 * MIB]) {
      const { up, down, bytes } = await exchange(tunnel.address, size);
      expect(bytes).toBe(size);
      expect(up.arrived).toBe(up.sent);
      expect(down.arrived).toBe(down.sent);
    }
    await Promise.all(Array.from({ length: 50 }, () => serves(tunnel.address)));

    const target = targets.udp.address;
    const { id } = await edge.createTunnel({ machineId: machine.id, target, protocol: 'udp' });
    const { address } = await edge.activeTunnel(id);
    const visitor = await UdpVisitor.to(address);
    const datagram = payload(1_200);
    expect((await visitor.ask(datagram)).equals(inverted(datagram))).toBe(true);
    visitor.close();
  });

  it('takes a tunnel more and a tunnel less without touching another', async () => {
    const idle = await IdleConnection.open(tunnel.address);
    expect(await idle.echo('before')).toBe('before');
    const further = await edge.publish(machine.id, targets.tcp.address);
    expect(await serves(further.address)).toBe(true);
    await edge.api('DELETE', `/tunnels/${further.id}`);
    await until('the removed one refuses', () => refuses(further.address));
    expect(await idle.echo('after')).toBe('after');
    idle.close();
  });

  it('heals when a client or the server is killed', async () => {
    process.kill(machine.clientPid('data'), 'SIGKILL');
    await until('it serves with a new client', () => serves(tunnel.address));
    process.kill(edge.enginePid('rathole-server'), 'SIGKILL');
    await until('it serves with a new server', () => serves(tunnel.address));
    await machine.untilUp();
  });
});
