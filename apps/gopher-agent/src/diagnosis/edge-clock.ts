export interface ClockReading {
  /** Milliseconds by which the edge's clock is ahead of this machine's; negative: behind. */
  aheadMs: number;
}

/** Compares the edge's clock with this machine's; says why when it can not. */
export type EdgeClock = () => Promise<ClockReading | { unknown: string }>;

/** What the edge said in a call that has just come in. */
export function clockOfCall(edgeTime: Date | undefined, receivedAt: number): EdgeClock {
  const reading = edgeTime
    ? { aheadMs: edgeTime.getTime() - receivedAt }
    : { unknown: 'The edge did not say what time it has' };
  return () => Promise.resolve(reading);
}
