import { idleListeners, isOwnAddress, listeningPorts } from './listening-ports.js';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n';
const TABLES: Record<string, string> = {
  'self/net/tcp': `${HEAD}   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0A00A8C0:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1
   3: 0100007F:D431 0100007F:1F91 01 00000000:00000000 00:00000000 00000000     0        0 4 1
`,
  'self/net/tcp6': `${HEAD}   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1
`,
};
const read = (path: string) => TABLES[path] ?? null;

describe(listeningPorts.name, () => {
  it('finds what listens at an address or at all of them, and no mere connection', () => {
    expect(listeningPorts('127.0.0.1', read)).toEqual([22, 443, 8080]);
    expect(listeningPorts('192.168.0.10', read)).toEqual([22, 80, 443]);
    expect(listeningPorts('localhost', read)).toEqual([22, 80, 443, 8080]);
  });

  it('finds nothing where the kernel says nothing', () => {
    expect(listeningPorts('127.0.0.1', () => null)).toEqual([]);
  });
});

describe(idleListeners.name, () => {
  it('tells the sockets of each port, in both families', () => {
    expect([...idleListeners(read)]).toEqual([
      [0x1f90, ' 1'],
      [22, ' 2'],
      [80, ' 3'],
      [443, ' 5'],
    ]);
    const both = (table: string) => read(table)?.replace(':01BB 0', ':0016 0') ?? null;
    expect(idleListeners(both).get(22)).toBe(' 2 5');
  });

  it('leaves out one at which somebody waits', () => {
    const busy = (table: string) => read(table)?.replace('00000000:00000000', '00000000:00000001');
    expect([...idleListeners((table) => busy(table) ?? null).keys()]).toEqual([22, 80]);
  });
});

describe(isOwnAddress.name, () => {
  it.each([
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['localhost', true],
    ['::1', true],
    ['203.0.113.7', false],
    ['nas.lan', false],
  ])('%s: %s', (host, own) => expect(isOwnAddress(host)).toBe(own));
});
