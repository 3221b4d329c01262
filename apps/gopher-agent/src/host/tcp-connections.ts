import { isIPv4, isIPv6 } from 'node:net';
import { procLink, procList, readProc } from './proc.js';

/** A remote address; a name stands for any address, since only rathole knows what it resolved to. */
export interface RemoteEnd {
  host: string;
  port: number;
}

/**
 * Does that process hold an established TCP connection to that end? null when it can not be told,
 * which is so for a process of another user.
 */
export function isConnectedTo(pid: number, remote: RemoteEnd): boolean | null {
  const sockets = establishedSockets(pid, remote);
  if (sockets.size === 0) return false;
  const descriptors = procList(`${pid}/fd`);
  if (descriptors === null) return null;
  return descriptors.some((fd) => sockets.has(procLink(`${pid}/fd/${fd}`) ?? ''));
}

/** As their descriptors read: `socket:[inode]`. */
function establishedSockets(pid: number, { host, port }: RemoteEnd): Set<string> {
  const wanted = hexAddresses(host);
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const line = new RegExp(
    String.raw`^ *\d+: \S+ ([0-9A-F]+):${hexPort} 01 \S+ \S+ \S+ +\d+ +\d+ (\d+)`,
    'gm',
  );
  const found = new Set<string>();
  for (const table of ['tcp', 'tcp6']) {
    for (const [, address, inode] of readProc(`${pid}/net/${table}`)?.matchAll(line) ?? []) {
      if (!wanted || wanted.includes(address ?? '')) found.add(`socket:[${inode}]`);
    }
  }
  return found;
}

/** As the kernel prints them; null: any. */
function hexAddresses(host: string): string[] | null {
  if (isIPv4(host)) {
    const word = wordOf(host.split('.').map(Number));
    return [word, `0000000000000000FFFF0000${word}`];
  }
  if (!isIPv6(host)) return null;
  const bytes = ipv6Bytes(host);
  return [[0, 4, 8, 12].map((at) => wordOf(bytes.slice(at, at + 4))).join('')];
}

/** The kernel prints each 32-bit word in the byte order of the machine: little-endian here. */
function wordOf(bytes: number[]): string {
  const hex = bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'));
  return hex.reverse().join('');
}

function ipv6Bytes(host: string): number[] {
  // The URL parser knows every way to write an address and gives back one.
  const groups = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::');
  const [head = [], tail = []] = groups.map((part) => (part === '' ? [] : part.split(':')));
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  return [...head, ...zeros, ...tail].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
