/** How much more the last third may have than the middle one: of it, and beside that. */
export interface Bound {
  share: number;
  more: number;
}

export interface Verdict {
  middle: number;
  last: number;
  atMost: number;
  flat: boolean;
}

/** Of three thirds the first warms up. Medians: a collector of garbage makes teeth, a leak a slope. */
export function flatness(series: readonly number[], { share, more }: Bound): Verdict {
  const third = Math.floor(series.length / 3);
  if (third === 0) throw new Error(`${series.length} samples are too few`);
  const middle = median(series.slice(-2 * third, -third));
  const last = median(series.slice(-third));
  const atMost = middle * (1 + share) + more;
  return { middle, last, atMost, flat: last <= atMost };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}
