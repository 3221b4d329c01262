import { isIPv4, isIPv6 } from 'node:net';
import { procLink, procList, readProc } from '@gopher/host';

/** A remote address; a name stands for any address, since only rathole knows what it resolved to. */
export interface RemoteEnd {
  host: string;
  port: number;
}

/** How long a connection that was seen is believed in while the process still holds it. */
const BELIEVED_MS = 120_000;

/** Whether one process holds an established TCP connection to one end. */
export class ConnectionLook {
  private known: { pid: number; fd: string; socket: string; seenAt: number } | null = null;

  constructor(private readonly remote: RemoteEnd) {}

  /**
   * Reading the kernel's table costs milliseconds, whatever is in it, since it walks all its
   * buckets; so it is asked only when the connection seen last is gone, and every two minutes. False
   * also when it can not be told, as for a process of another user.
   */
  isConnected(pid: number): boolean {
    const { known } = this;
    if (known?.pid === pid && performance.now() - known.seenAt < BELIEVED_MS) {
      if (procLink(`${pid}/fd/${known.fd}`) === known.socket) return true;
    }
    this.known = this.find(pid);
    return this.known !== null;
  }

  private find(pid: number) {
    const held = heldDescriptors(pid);
    for (const socket of establishedSockets(pid, this.remote)) {
      const fd = held.get(socket);
      if (fd !== undefined) return { pid, fd, socket, seenAt: performance.now() };
    }
    return null;
  }
}

/** Whether that process holds the connection from that port of this machine. */
export function holdsConnection(pid: number, fromPort: number, remote: RemoteEnd): boolean {
  const held = heldDescriptors(pid);
  return [...establishedSockets(pid, remote, fromPort)].some((socket) => held.has(socket));
}

/** By what they are. */
export function heldDescriptors(pid: number): Map<string | null, string> {
  const descriptors = procList(`${pid}/fd`) ?? [];
  return new Map(descriptors.map((fd) => [procLink(`${pid}/fd/${fd}`), fd]));
}

/** As their descriptors read: `socket:[inode]`. */
function* establishedSockets(
  pid: number,
  { host, port }: RemoteEnd,
  fromPort?: number,
): Generator<string> {
  const wanted = hexAddresses(host);
  const from = fromPort === undefined ? '' : `:${hexPort(fromPort)}`;
  const line = new RegExp(
    String.raw`^ *\d+: \S+${from} ([0-9A-F]+):${hexPort(port)} 01 \S+ \S+ \S+ +\d+ +\d+ (\d+)`,
    'gm',
  );
  for (const table of tablesOf(host)) {
    for (const [, address, inode] of readProc(`${pid}/net/${table}`)?.matchAll(line) ?? []) {
      if (!wanted || wanted.includes(address ?? '')) yield `socket:[${inode}]`;
    }
  }
}

export const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');

function tablesOf(host: string): string[] {
  if (isIPv4(host)) return ['tcp'];
  return isIPv6(host) ? ['tcp6'] : ['tcp', 'tcp6'];
}

/** As the kernel prints them; null: it is a name. */
export function hexAddresses(host: string): string[] | null {
  if (isIPv4(host)) return [wordOf(host.split('.').map(Number))];
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
