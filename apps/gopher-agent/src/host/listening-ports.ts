import { isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { readProc } from '@gopher/host';

const LISTENING = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A /gm;
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

/** The kernel prints an address in the byte order of the machine: little-endian here. */
const hexOf = (address: string): string =>
  address
    .split('.')
    .map((byte) => Number(byte).toString(16).toUpperCase().padStart(2, '0'))
    .reverse()
    .join('');
