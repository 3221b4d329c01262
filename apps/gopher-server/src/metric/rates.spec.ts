import type { HostSample, InterfaceCounts } from '@gopher/machine';
import { withRates } from './rates.js';

const counts = (name: string, receivedBytes: number, sentBytes: number): InterfaceCounts => ({
  name,
  receivedBytes,
  sentBytes,
  receivedPackets: 0,
  sentPackets: 0,
  receiveErrors: 0,
  sendErrors: 0,
  receiveDrops: 0,
  sendDrops: 0,
});

/** @param seenMs by the edge's clock; `monotonicMs` is by the host's */
const sample = (
  seenMs: number,
  monotonicMs: number,
  ...interfaces: InterfaceCounts[]
): HostSample => ({
  observedAt: new Date(1_800_000_000_000 + seenMs),
  monotonicMs,
  cpuUsage: null,
  coreUsage: [],
  load: [],
  uptimeSeconds: null,
  memoryTotalBytes: null,
  memoryAvailableBytes: null,
  swapTotalBytes: null,
  swapFreeBytes: null,
  filesystems: [],
  interfaces,
  temperatures: [],
  processes: [],
  tunnels: [],
});

describe(withRates.name, () => {
  const rates = (before: HostSample | null, now: HostSample) =>
    withRates(before, now).interfaces.map(({ receivedBytesPerSecond, sentBytesPerSecond }) => [
      receivedBytesPerSecond,
      sentBytesPerSecond,
    ]);
  const before = sample(0, 5_000, counts('eth0', 1_000, 50));

  it('are what was counted by the time that went by for the host', () => {
    // The network held the first one up: the edge saw them 10 ms apart.
    expect(rates(before, sample(10, 7_000, counts('eth0', 5_000, 50)))).toEqual([[2_000, 0]]);
  });

  it('are not known of a first sample, nor of an interface that is new', () => {
    expect(rates(null, before)).toEqual([[null, null]]);
    const now = sample(1_000, 6_000, counts('eth0', 1_000, 50), counts('wg0', 9, 9));
    expect(rates(before, now)).toEqual([
      [0, 0],
      [null, null],
    ]);
  });

  it('are not known of the counter that began anew, and known of the other one', () => {
    expect(rates(before, sample(1_000, 6_000, counts('eth0', 999, 150)))).toEqual([[null, 100]]);
  });

  it.each([
    ['was booted', sample(60_000, 3_000, counts('eth0', 9_000, 900))],
    ['was booted, and ran for longer since', sample(600_000, 9_000, counts('eth0', 9_000, 900))],
    ['slept', sample(3_600_000, 6_000, counts('eth0', 9_000, 900))],
    ['says that no time went by', sample(1_000, 5_000, counts('eth0', 9_000, 900))],
    ['says nonsense', sample(1_000, Number.MAX_SAFE_INTEGER, counts('eth0', 9_000, 900))],
  ])('are not known when the host %s', (_, now) => {
    expect(rates(before, now)).toEqual([[null, null]]);
  });
});
