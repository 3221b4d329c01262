import { readFileSync } from 'node:fs';

const LISTEN = '0A';

/**
 * Whether anyone on this host has the port, without visiting it: rathole closes the port of a client
 * that is gone as soon as a visitor comes, but not before.
 */
export function listens(address: string, protocol: 'tcp' | 'udp' = 'tcp'): boolean {
  const port = Number(new URL(`tcp://${address}`).port);
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return [protocol, `${protocol}6`].some((table) =>
    rows(table).some(([, local, , state]) => {
      const open = protocol === 'udp' || state === LISTEN;
      return open && local?.endsWith(`:${hex}`);
    }),
  );
}

function rows(table: string): string[][] {
  const lines = readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}
