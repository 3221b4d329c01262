import { readFile } from 'node:fs/promises';

export type PortProtocol = 'tcp' | 'udp';

/** Where visitors are taken: TCP sockets that listen, and UDP sockets. */
const TABLES: Record<PortProtocol, { files: string[]; states: ReadonlySet<string> }> = {
  tcp: { files: ['/proc/net/tcp', '/proc/net/tcp6'], states: new Set(['0A']) },
  udp: { files: ['/proc/net/udp', '/proc/net/udp6'], states: new Set(['07', '01']) },
};

/** The ports of this host that some socket is bound to, on whatever address. */
export async function boundPorts(protocol: PortProtocol): Promise<Set<number>> {
  const { files, states } = TABLES[protocol];
  const tables = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return new Set(tables.flatMap((table) => [...portsIn(table, states)]));
}

/**
 * The local ports in a table of the kernel's that are in one of these states. A line looks like
 * `0: 0100007F:0BB8 00000000:0000 0A …`: number, local and remote address, state.
 */
export function portsIn(table: string, states: ReadonlySet<string>): Set<number> {
  const ports = new Set<number>();
  for (const [, port, state] of table.matchAll(LINE)) {
    if (states.has(state!)) ports.add(Number.parseInt(port!, 16));
  }
  return ports;
}

const LINE = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm;
