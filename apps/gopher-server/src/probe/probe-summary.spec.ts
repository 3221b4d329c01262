import { summarize } from './probe-summary.js';
import type { TunnelProbe } from './tunnel-probe.entity.js';

const probe = (changes: Partial<TunnelProbe>): TunnelProbe => ({
  tunnelId: '',
  at: new Date(),
  version: 1,
  outcome: 'passed',
  proof: null,
  leg: null,
  reason: null,
  edgeToMachineMs: null,
  machineToTargetMs: null,
  firstByteMs: null,
  totalMs: null,
  ...changes,
});

describe(summarize.name, () => {
  it('has the extremes, the mean and the 95th percentile of each leg', () => {
    // 1 to 100, in no order; 20 and 95 fall where a mistake by one would show.
    const values = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1);
    const probes = values.map((value) => probe({ edgeToMachineMs: value, totalMs: 2 * value }));
    const { measured } = summarize(probes);
    expect(measured.edgeToMachineMs).toEqual({ last: 1, min: 1, avg: 50.5, max: 100, p95: 95 });
    expect(measured.totalMs).toEqual({ last: 2, min: 2, avg: 101, max: 200, p95: 190 });
    expect(measured.machineToTargetMs).toBeNull();
  });

  it.each([
    [[7], 7],
    [[1, 2], 2],
    [Array.from({ length: 19 }, (_, i) => i + 1), 19],
    [Array.from({ length: 20 }, (_, i) => i + 1), 19],
    [Array.from({ length: 21 }, (_, i) => i + 1), 20],
  ])('takes a measured value as the percentile of few: %j', (values, p95) => {
    const { measured } = summarize(values.map((totalMs) => probe({ totalMs })));
    expect(measured.totalMs?.p95).toBe(p95);
  });

  it('leaves out what a probe did not measure, and takes the newest that one did', () => {
    const probes = [null, 30, null, 10].map((firstByteMs) => probe({ firstByteMs }));
    expect(summarize(probes).measured.firstByteMs).toMatchObject({ last: 30, avg: 20 });
  });

  it('counts as lost what failed, and not what could not be verified', () => {
    const outcomes = ['failed', 'passed', 'unverified', 'passed'] as const;
    expect(summarize(outcomes.map((outcome) => probe({ outcome })))).toMatchObject({
      probes: 4,
      failed: 1,
      unverified: 1,
      loss: 0.25,
    });
  });

  it('has no loss of nothing', () => {
    expect(summarize([])).toMatchObject({ probes: 0, loss: null, measured: { totalMs: null } });
  });
});
