import {
  type Carried,
  exchange,
  FRAMINGS,
  HttpMirror,
  inverted,
  LONGEST_DATAGRAM,
  payload,
  post,
  sha256,
  TcpTarget,
  TestEdge,
  TestMachine,
  type TunnelView,
  UdpTarget,
  UdpVisitor,
  until,
} from '../../../test/product/index.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** So that those under way fit into the buffers of a socket. */
const DATAGRAM_BYTES = 2_048;
/** Round ones, and the neighbours of what buffers and frames usually hold. */
const SIZES = [1, 2, 1_399, 8 * KIB, 65_535, 65_536, 65_537, MIB + 1, 8 * MIB, 64 * MIB];

const unchanged = ({ up, down }: { up: Carried; down: Carried }) =>
  up.sent === up.arrived && down.sent === down.arrived;

describe('what passes a tunnel', () => {
  const stack = new AsyncDisposableStack();
  let machine: TestMachine;
  let edge: TestEdge;

  beforeAll(async () => {
    edge = await TestEdge.start();
    stack.defer(() => edge.stop());
    machine = await TestMachine.join(edge, 'attic');
    stack.defer(() => machine.stop());
  });

  afterAll(() => stack.disposeAsync());

  const publish = async (target: string, protocol: 'tcp' | 'udp' = 'tcp'): Promise<TunnelView> =>
    edge.activeTunnel((await edge.createTunnel({ machineId: machine.id, target, protocol })).id);

  describe('of TCP', () => {
    let target: TcpTarget;
    let address: string;

    beforeAll(async () => {
      target = await TcpTarget.listen(edge.ports.next());
      stack.defer(() => target.stop());
      ({ address } = await publish(target.address));
    });

    it.each(SIZES)('arrives unchanged both ways: %i bytes', async (size) => {
      const { up, down, bytes } = await exchange(address, size);
      expect(up.arrived).toBe(up.sent);
      expect(down.arrived).toBe(down.sent);
      expect(bytes).toBe(size);
    });

    it('arrives whole when the visitor ends its side after the last byte', async () => {
      for (const size of [1, 65_536, 8 * MIB]) {
        expect(unchanged(await exchange(address, size, { halfClose: true }))).toBe(true);
      }
    });

    it('arrives unchanged on 200 small connections at once', async () => {
      const gate = until('the target has 200 connections open', () => target.exchanging === 200);
      const all = await Promise.all(
        Array.from({ length: 200 }, (_, i) => exchange(address, 1 + i * 41, { gate })),
      );
      expect(all.filter(unchanged)).toHaveLength(200);
      expect(new Set(all.map(({ up }) => up.sent)).size).toBeGreaterThan(190);
    });

    it('arrives unchanged on 4 large connections at once', async () => {
      const gate = until('the target has 4 connections open', () => target.exchanging === 4);
      const all = await Promise.all(
        Array.from({ length: 4 }, () => exchange(address, 64 * MIB, { gate })),
      );
      expect(all.map(({ bytes }) => bytes)).toEqual(Array(4).fill(64 * MIB));
      expect(all.filter(unchanged)).toHaveLength(4);
      expect(new Set(all.flatMap(({ up, down }) => [up.sent, down.sent])).size).toBe(8);
    });
  });

  describe('of HTTP', () => {
    let address: string;

    beforeAll(async () => {
      const target = await HttpMirror.listen(edge.ports.next());
      stack.defer(() => target.stop());
      ({ address } = await publish(target.address));
    });

    it.each(FRAMINGS)('arrives unchanged both ways, its end told by %s', async (framing) => {
      for (const size of SIZES) {
        const { up, down, bytes } = await post(address, size, framing);
        expect(up.arrived, `${size} bytes up`).toBe(up.sent);
        expect(down.arrived, `${size} bytes down`).toBe(down.sent);
        expect(bytes).toBe(size);
      }
    });

    it('arrives unchanged in 200 small requests and 4 large ones at once', async () => {
      const sizes = [
        ...Array.from({ length: 200 }, (_, i) => 1 + i * 41),
        ...Array(4).fill(64 * MIB),
      ];
      const all = await Promise.all(sizes.map((size: number) => post(address, size, 'chunked')));
      expect(all.filter(unchanged)).toHaveLength(204);
    });
  });

  describe('of UDP', () => {
    let address: string;

    beforeAll(async () => {
      const target = await UdpTarget.listen(edge.ports.next());
      stack.defer(() => target.stop());
      ({ address } = await publish(target.address, 'udp'));
    });

    it('arrives unchanged both ways, in datagrams of every size there is', async () => {
      const visitor = await UdpVisitor.to(address);
      try {
        for (
          let size = 1;
          size <= LONGEST_DATAGRAM;
          size += size < 64 ? 1 : size < 2_048 ? 31 : 499
        ) {
          const datagram = payload(size);
          expect((await visitor.ask(datagram)).equals(inverted(datagram)), `${size}`).toBe(true);
        }
        const longest = payload(LONGEST_DATAGRAM);
        expect((await visitor.ask(longest)).equals(inverted(longest))).toBe(true);
      } finally {
        visitor.close();
      }
    });

    it('arrives at the visitor it is for, with 200 of them at once', async () => {
      const visitors = await Promise.all(Array.from({ length: 200 }, () => UdpVisitor.to(address)));
      try {
        const right = await Promise.all(
          visitors.map(async (visitor) => {
            const datagram = payload(512);
            return (await visitor.ask(datagram)).equals(inverted(datagram));
          }),
        );
        expect(right.filter(Boolean)).toHaveLength(200);
      } finally {
        for (const visitor of visitors) visitor.close();
      }
    });

    it('arrives whole as 64 MiB of datagrams, 16 under way at a time', async () => {
      const sent = payload(64 * MIB);
      const received = Buffer.alloc(sent.length);
      const count = sent.length / DATAGRAM_BYTES;
      const waiting = Array.from({ length: count }, (_, i) => i);
      const carry = async () => {
        const visitor = await UdpVisitor.to(address);
        try {
          for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
            const at = i * DATAGRAM_BYTES;
            (await visitor.ask(sent.subarray(at, at + DATAGRAM_BYTES))).copy(received, at);
          }
        } finally {
          visitor.close();
        }
        return visitor.lost;
      };
      const lost = await Promise.all(Array.from({ length: 16 }, carry));
      expect(sha256(inverted(received))).toBe(sha256(sent));
      // On loopback, with so few under way, hardly any is lost.
      expect(lost.reduce((sum, of) => sum + of)).toBeLessThan(count / 1_000);
    });
  });
});
