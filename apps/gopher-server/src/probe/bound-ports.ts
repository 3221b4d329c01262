import { readFile } from 'node:fs/promises';
import { isIPv6, SocketAddress } from 'node:net';

export type PortProtocol = 'tcp' | 'udp';

/** Where visitors are taken: TCP sockets that listen, and UDP sockets. */
const TABLES: Record<PortProtocol, { files: string[]; states: ReadonlySet<string> }> = {
  tcp: { files: ['/proc/net/tcp', '/proc/net/tcp6'], states: new Set(['0A']) },
  udp: { files: ['/proc/net/udp', '/proc/net/udp6'], states: new Set(['07', '01']) },
};

const LINE = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm;

/** What sockets of this host are bound to: their own address and port. */
export class BoundPorts {
  private constructor(private readonly sockets: ReadonlySet<string>) {}

  /** As the kernel has them now. @throws when it does not say, as without a file handle to ask with */
  static async read(protocol: PortProtocol): Promise<BoundPorts> {
    const { files, states } = TABLES[protocol];
    const tables = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(ifMissing)));
    return BoundPorts.in(tables, states);
  }

  /**
   * From tables of the kernel's, whose lines look like `0: 0100007F:0BB8 00000000:0000 0A …`: number,
   * local and remote address, state.
   */
  static in(tables: readonly string[], states: ReadonlySet<string>): BoundPorts {
    const sockets = new Set<string>();
    for (const [, address, port, state] of tables.flatMap((table) => [...table.matchAll(LINE)])) {
      if (states.has(state!)) sockets.add(key(toText(address!), Number.parseInt(port!, 16)));
    }
    return new BoundPorts(sockets);
  }

  has(address: string, port: number): boolean {
    return this.sockets.has(key(address, port));
  }
}

/** A host without IPv6 has no such table; any other failure must not read as "all are closed". */
function ifMissing(error: NodeJS.ErrnoException): string {
  if (error.code !== 'ENOENT') throw error;
  return '';
}

/** One address may be written in several ways. */
function key(address: string, port: number): string {
  return `${new SocketAddress({ address, family: isIPv6(address) ? 'ipv6' : 'ipv4' }).address} ${port}`;
}

/** The kernel writes an address as words of four bytes, the last byte of each word first. */
function toText(hex: string): string {
  const bytes = hex
    .match(/.{8}/g)!
    .flatMap((word) => [...Buffer.from(word, 'hex').reverse().values()]);
  if (bytes.length === 4) return bytes.join('.');
  return Buffer.from(bytes).toString('hex').match(/.{4}/g)!.join(':');
}
