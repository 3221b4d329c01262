import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { portsThatSent, VisitorTraffic } from './visitor-traffic.js';

describe(portsThatSent.name, () => {
  const line = (local: string, rest: string) =>
    `0      0      ${local} 127.0.0.1:58810 cubic wscale:7,7 rto:204 ${rest}`;

  it('takes what sent lately', () => {
    const output = [
      line('127.0.0.1:1', 'bytes_sent:9 bytes_acked:9 segs_out:3 lastsnd:30000 lastrcv:8'),
      line('[::ffff:127.0.0.1]:2', 'bytes_sent:9 bytes_acked:9 lastsnd:1 lastrcv:8'),
      line('127.0.0.1:3', 'bytes_sent:9 bytes_acked:9 segs_out:3 lastsnd:30001 lastrcv:8'),
      line('127.0.0.1:4', 'bytes_received:70 segs_out:3 lastsnd:1 lastrcv:8'),
      line('127.0.0.1:5', 'bytes_sent:70 bytes_retrans:70 segs_out:3 lastsnd:1 lastrcv:8'),
      'what it is',
      '',
    ];
    expect([...portsThatSent(output.join('\n'), 30_000)]).toEqual([1, 2]);
  });
});

describe(VisitorTraffic.name, () => {
  const sockets: Socket[] = [];
  const servers = [true, false].map((speaks) =>
    createServer((socket) => {
      sockets.push(socket);
      if (speaks) socket.write('hello');
    }),
  );
  const visitors: Socket[] = [];
  const ports: number[] = [];

  beforeAll(async () => {
    for (const server of servers) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      ports.push(port);
      const visitor = connect(port, '127.0.0.1');
      visitors.push(visitor);
      await once(visitor, ports.length === 1 ? 'data' : 'connect');
    }
  });
  afterAll(() => {
    for (const socket of [...sockets, ...visitors]) socket.destroy();
    for (const server of servers) server.close();
  });

  it('sees on this host which port’s visitor got bytes, and that one who said some got none', async () => {
    visitors[1]!.write('anybody there?');
    await once(sockets[1]!, 'data');
    const busy = await new VisitorTraffic().onPorts(ports, 30_000);
    expect([...busy]).toEqual([ports[0]]);
  });

  it('asks nobody about nothing', async () => {
    expect(await new VisitorTraffic().onPorts([], 30_000)).toEqual(new Set());
  });
});
