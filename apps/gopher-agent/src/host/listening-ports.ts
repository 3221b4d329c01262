import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { readProc } from '@gopher/host';

const LISTENING = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /gm;
const IDLE = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A [0-9A-F]+:0+ \S+ [0-9A-F]+ +\d+ +\d+ (\d+)/gm;
const ANY = /^0+$/;

/** Whether that address, or `localhost`, is of this machine. */
export function isOwnAddress(host: string): boolean {
  if (host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.')))
    return true;
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === host),
  );
}

/** TCP ports on which something of this machine accepts at that address, ascending. */
export function listeningPorts(host: string, readTable = readProc): number[] {
  const wanted = isIPv4(host) ? hexOf(host) : null;
  const ports = ['tcp', 'tcp6'].flatMap((table) =>
    [...(readTable(`self/net/${table}`)?.matchAll(LISTENING) ?? [])].flatMap(
      ([, address = '', port = '']) =>
        wanted === null || ANY.test(address) || address === wanted
          ? [Number.parseInt(port, 16)]
          : [],
    ),
  );
  return [...new Set(ports)].sort((a, b) => a - b);
}

/**
 * By TCP port, the sockets of this machine that listen there at any address, as the kernel numbers
 * them. Without those at which someone waits to be accepted: who listens there may hang.
 */
export function idleListeners(readTable = readProc): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const table of ['tcp', 'tcp6']) {
    for (const [, port = '', inode = ''] of readTable(`self/net/${table}`)?.matchAll(IDLE) ?? []) {
      const number = Number.parseInt(port, 16);
      found.set(number, `${found.get(number) ?? ''} ${inode}`);
    }
  }
  return found;
}

/** The kernel prints an address in the byte order of the machine: little-endian here. */
const hexOf = (address: string): string =>
  address
    .split('.')
    .map((byte) => Number(byte).toString(16).toUpperCase().padStart(2, '0'))
    .reverse()
    .join('');
