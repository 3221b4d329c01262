import { closeSync, openSync, readSync } from 'node:fs';
import { heldDescriptors, hexAddresses, hexPort } from './tcp-connections.js';

export interface Target {
  host: string;
  port: number;
}

/** What is longer is cut: a machine under attack must not spend itself on counting. */
const MAX_TABLE_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 32 * 1024;
const ESTABLISHED = '01';
/** Of an address and its port, as the kernel writes them. */
const WIDTHS = { tcp: 13, tcp6: 37 };

/**
 * Established connections of one process to each of `targets`, in their order. null: it can not be
 * told, as of a name whose port others have as well: only rathole knows what the name stands for.
 */
export function countConnections(pid: number, targets: readonly Target[]): (number | null)[] {
  const ends = targets.map((target) => endsOf(target, targets));
  const sockets = socketsTo(pid, new Set(ends.flatMap((keys) => keys ?? [])));
  const held = sockets.size > 0 ? heldDescriptors(pid) : new Map<string, string>();
  const isHidden = sockets.size > 0 && held.size === 0;
  const count = (key: string) =>
    (sockets.get(key) ?? []).filter((socket) => held.has(socket)).length;
  return ends.map((keys) =>
    keys === null || isHidden ? null : keys.reduce((sum, key) => sum + count(key), 0),
  );
}

/** By what its connections are told in the kernel's tables: an address with a port, or a port. */
function endsOf({ host, port }: Target, all: readonly Target[]): string[] | null {
  const known = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
  const addresses = known.map((address) => hexAddresses(address));
  if (!addresses.includes(null)) return addresses.map((hex) => `${hex![0]}:${hexPort(port)}`);
  const isAlone = all.every((other) => other.port !== port || other.host === host);
  return isAlone ? [hexPort(port)] : null;
}

/** Established ones, of whomever; by their ends, each as its descriptor reads. */
function socketsTo(pid: number, ends: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  if (ends.size === 0) return found;
  for (const table of ['tcp', 'tcp6'] as const) {
    const width = WIDTHS[table];
    eachLine(`/proc/${pid}/net/${table}`, (line) => {
      const local = line.indexOf(': ') + 2;
      const remote = line.slice(local + width + 1, local + 2 * width + 1);
      const rest = local + 2 * width + 2;
      if (line.slice(rest, rest + 2) !== ESTABLISHED) return;
      const end = ends.has(remote) ? remote : remote.slice(-4);
      if (!ends.has(end)) return;
      const [, , , , , , inode] = line.slice(rest).split(/ +/, 7);
      found.set(end, [...(found.get(end) ?? []), `socket:[${inode}]`]);
    });
  }
  return found;
}

/** No more of it is held than a piece. */
function eachLine(path: string, visit: (line: string) => void): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let rest = '';
    for (let total = 0; total < MAX_TABLE_BYTES;) {
      const bytes = readSync(file, chunk);
      if (bytes === 0) return;
      total += bytes;
      const lines = (rest + chunk.toString('latin1', 0, bytes)).split('\n');
      rest = lines.pop()!;
      lines.forEach(visit);
    }
  } catch {
    // The process is gone.
  } finally {
    closeSync(file);
  }
}
