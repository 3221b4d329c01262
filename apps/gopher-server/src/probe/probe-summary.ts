import type { TunnelProbe } from './tunnel-probe.entity.js';

/** Milliseconds. */
export interface LegSummary {
  last: number;
  min: number;
  avg: number;
  max: number;
  /** The smallest that 95 of 100 measurements do not exceed. */
  p95: number;
}

export const MEASURED = [
  'edgeToMachineMs',
  'machineToTargetMs',
  'firstByteMs',
  'totalMs',
] as const satisfies (keyof TunnelProbe)[];
type Measured = (typeof MEASURED)[number];

export interface ProbeSummary {
  probes: number;
  failed: number;
  unverified: number;
  /** Share of probes that failed, 0 to 1; null: there were none. */
  loss: number | null;
  /** null: never measured. */
  measured: Record<Measured, LegSummary | null>;
}

/** @param probes newest first */
export function summarize(probes: readonly TunnelProbe[]): ProbeSummary {
  const count = (outcome: string) => probes.filter((probe) => probe.outcome === outcome).length;
  const failed = count('failed');
  const measured = Object.fromEntries(
    MEASURED.map((leg) => [leg, legSummary(probes.map((probe) => probe[leg]))]),
  ) as ProbeSummary['measured'];
  return {
    probes: probes.length,
    failed,
    unverified: count('unverified'),
    loss: probes.length === 0 ? null : failed / probes.length,
    measured,
  };
}

function legSummary(values: readonly (number | null)[]): LegSummary | null {
  const known = values.filter((value) => value !== null);
  const [last] = known;
  if (last === undefined) return null;
  const sorted = known.toSorted((a, b) => a - b);
  const sum = sorted.reduce((total, value) => total + value, 0);
  return {
    last,
    min: sorted[0]!,
    avg: sum / sorted.length,
    max: sorted.at(-1)!,
    p95: sorted[Math.ceil(0.95 * sorted.length) - 1]!,
  };
}
