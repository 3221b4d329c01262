import { parseInterfaces } from './network.js';

const HEAD = ['Inter-|   Receive |  Transmit', ' face |bytes    packets errs drop'].join('\n');
const row = (name: string, ...counters: number[]) => `${name.padStart(6)}:${counters.join('  ')}`;
const COUNTERS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

describe(parseInterfaces.name, () => {
  it('tells each counter of each interface but loopback', () => {
    const dev = [HEAD, row('lo', ...COUNTERS), row('eth0', ...COUNTERS), ''].join('\n');
    expect(parseInterfaces(dev)).toEqual([
      {
        name: 'eth0',
        receivedBytes: 1,
        receivedPackets: 2,
        receiveErrors: 3,
        receiveDrops: 4,
        sentBytes: 9,
        sentPackets: 10,
        sendErrors: 11,
        sendDrops: 12,
      },
    ]);
  });

  it('takes names with a colon, and leaves out what it can not read', () => {
    const dev = [row('eth0:1', ...COUNTERS), row('short', 1, 2), 'odd: a b c', ''].join('\n');
    expect(parseInterfaces(dev).map(({ name }) => name)).toEqual(['eth0:1']);
  });

  it('is bounded', () => {
    const dev = Array.from({ length: 500 }, (_, i) => row(`veth${i}`, ...COUNTERS)).join('\n');
    expect(parseInterfaces(dev)).toHaveLength(64);
  });
});
