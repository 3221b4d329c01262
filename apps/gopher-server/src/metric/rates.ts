import type { HostMetrics, HostSample, InterfaceCounts, InterfaceMetrics } from '@gopher/machine';

/** Two readings closer than this say more about chance than about traffic. */
const SHORTEST_MS = 200;
/** What the two clocks may differ by: a stalled network holds up samples, a sleeping host its clock. */
const SLACK_MS = 30_000;

/** @param before the sample before; null: there is none */
export function withRates(before: HostSample | null, now: HostSample): HostMetrics {
  const elapsedMs = before ? elapsedBetween(before, now) : null;
  const known = new Map(before?.interfaces.map((counts) => [counts.name, counts]));
  const interfaces = now.interfaces.map((counts): InterfaceMetrics => {
    const earlier = elapsedMs === null ? undefined : known.get(counts.name);
    const rate = (counter: 'receivedBytes' | 'sentBytes') =>
      earlier && elapsedMs ? perSecond(earlier, counts, counter, elapsedMs) : null;
    return {
      ...counts,
      receivedBytesPerSecond: rate('receivedBytes'),
      sentBytesPerSecond: rate('sentBytes'),
    };
  });
  return { ...now, interfaces };
}

/** By the host's own clock; null: it was booted between them, or slept, or its clock says nonsense. */
function elapsedBetween(before: HostSample, now: HostSample): number | null {
  const elapsedMs = now.monotonicMs - before.monotonicMs;
  const seenMs = now.observedAt.getTime() - before.observedAt.getTime();
  if (elapsedMs < SHORTEST_MS || Math.abs(elapsedMs - seenMs) > SLACK_MS) return null;
  return elapsedMs;
}

/** null: the counter began anew, as when an interface is made again. */
function perSecond(
  before: InterfaceCounts,
  now: InterfaceCounts,
  counter: 'receivedBytes' | 'sentBytes',
  elapsedMs: number,
): number | null {
  const counted = now[counter] - before[counter];
  return counted < 0 ? null : (counted * 1_000) / elapsedMs;
}
