/** Counted by the kernel since the interface came up. */
export interface InterfaceCounters {
  name: string;
  receivedBytes: number;
  receivedPackets: number;
  receiveErrors: number;
  receiveDrops: number;
  sentBytes: number;
  sentPackets: number;
  sendErrors: number;
  sendDrops: number;
}

/** A host of containers has one for each of them. */
const MAX_INTERFACES = 64;

/** @param dev what /proc/net/dev says. Without loopback. */
export function parseInterfaces(dev: string): InterfaceCounters[] {
  const found: InterfaceCounters[] = [];
  for (const line of dev.split('\n')) {
    // A name can contain a colon; the counters cannot.
    const colon = line.lastIndexOf(':');
    const name = line.slice(0, colon).trim();
    if (colon < 0 || name === 'lo' || found.length === MAX_INTERFACES) continue;
    const counters = line
      .slice(colon + 1)
      .trim()
      .split(/ +/)
      .map(Number);
    if (counters.length >= 16 && counters.every(Number.isInteger))
      found.push(toCounters(name, counters));
  }
  return found;
}

function toCounters(name: string, counters: readonly number[]): InterfaceCounters {
  const at = (column: number) => counters[column]!;
  return {
    name,
    receivedBytes: at(0),
    receivedPackets: at(1),
    receiveErrors: at(2),
    receiveDrops: at(3),
    sentBytes: at(8),
    sentPackets: at(9),
    sendErrors: at(10),
    sendDrops: at(11),
  };
}
