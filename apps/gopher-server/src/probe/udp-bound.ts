import { readFile } from 'node:fs/promises';

/** Whether any socket of this host is bound to a UDP port. */
export async function isUdpBound(port: number): Promise<boolean> {
  for (const file of ['/proc/net/udp', '/proc/net/udp6']) {
    const table = await readFile(file, 'utf8').catch(() => '');
    if (boundUdpPorts(table).has(port)) return true;
  }
  return false;
}

/** The local ports in a table of the kernel's, whose addresses look like `0100007F:0BB8`. */
export function boundUdpPorts(table: string): Set<number> {
  const lines = table.split('\n').slice(1);
  const hex = lines.map((line) => /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /.exec(line)?.[1]);
  return new Set(hex.filter((port) => port !== undefined).map((port) => Number.parseInt(port, 16)));
}
