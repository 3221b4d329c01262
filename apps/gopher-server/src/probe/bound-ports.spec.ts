import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { boundPorts, portsIn } from './bound-ports.js';

describe(portsIn.name, () => {
  it('reads the local ports of the kernel’s table, for both families, in the states asked for', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid',
      '   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0',
      '   1: 0100007F:1F90 0100007F:0BB8 01 00000000:00000000 00:00000000 00000000     0',
      '1543: 00000000000000000000000001000000:D431 00000000000000000000000000000000:0000 0A 0',
    ].join('\n');
    expect(portsIn(table, new Set(['0A']))).toEqual(new Set([3_000, 54_321]));
    expect(portsIn('', new Set(['0A']))).toEqual(new Set());
  });
});

describe(boundPorts.name, () => {
  it('has a listener for as long as it listens, and no port that is only one end of a connection', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const bound = await boundPorts('tcp');
    expect(bound.has(port)).toBe(true);
    expect(bound.has(socket.localPort!)).toBe(false);
    socket.destroy();
    server.close();
    await once(server, 'close');
    expect((await boundPorts('tcp')).has(port)).toBe(false);
  });

  it('has a UDP port', async () => {
    const socket = createSocket('udp6').bind(0, '::1');
    await once(socket, 'listening');
    const { port } = socket.address();
    expect((await boundPorts('udp')).has(port)).toBe(true);
    socket.close();
    await once(socket, 'close');
    expect((await boundPorts('udp')).has(port)).toBe(false);
  });
});
