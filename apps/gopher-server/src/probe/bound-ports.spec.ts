import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { BoundPorts } from './bound-ports.js';

describe(BoundPorts.name, () => {
  it('reads the kernel’s table, for both families, in the states asked for', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid',
      '   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0',
      '   1: 0100007F:1F90 0100007F:0BB8 01 00000000:00000000 00:00000000 00000000     0',
      '1543: 00000000000000000000000001000000:D431 00000000000000000000000000000000:0000 0A 0',
      '1544: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0',
    ].join('\n');
    const bound = BoundPorts.in([table, ''], new Set(['0A']));
    expect(bound.has('127.0.0.1', 3_000)).toBe(true);
    expect(bound.has('127.0.0.2', 3_000)).toBe(false);
    expect(bound.has('127.0.0.1', 8_080)).toBe(false);
    expect(bound.has('::1', 54_321)).toBe(true);
    expect(bound.has('2001:db8:0:0::1', 80)).toBe(true);
  });

  it('has a listener for as long as it listens, and not what is only one end of a connection', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const bound = await BoundPorts.read('tcp');
    expect(bound.has('127.0.0.1', port)).toBe(true);
    expect(bound.has('127.0.0.1', socket.localPort!)).toBe(false);
    socket.destroy();
    server.close();
    await once(server, 'close');
    expect((await BoundPorts.read('tcp')).has('127.0.0.1', port)).toBe(false);
  });

  it('has a UDP port', async () => {
    const socket = createSocket('udp6').bind(0, '::1');
    await once(socket, 'listening');
    const { port } = socket.address();
    expect((await BoundPorts.read('udp')).has('::1', port)).toBe(true);
    socket.close();
    await once(socket, 'close');
    expect((await BoundPorts.read('udp')).has('::1', port)).toBe(false);
  });
});
