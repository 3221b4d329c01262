import type { Tunnel } from '../tunnel/tunnel.entity.js';
import type { ProbeResult } from './probe.js';
import { Suspects } from './suspects.js';
import type { TunnelStates } from './tunnel-states.js';

const tunnel = (id = 'a', version = 1) => ({ id, version }) as Tunnel;
const failed: ProbeResult = { outcome: 'failed', leg: 'machine→target', reason: 'gone' };
const passed: ProbeResult = { outcome: 'passed', proof: 'bytes' };
const unverified: ProbeResult = { outcome: 'unverified', reason: 'nobody to ask' };

describe(Suspects.name, () => {
  const written: unknown[] = [];
  let suspects: Suspects;

  beforeEach(() => {
    written.length = 0;
    const write = ({ id, version }: Tunnel, verdict: unknown) => {
      written.push([id, version, verdict]);
      return Promise.resolve();
    };
    suspects = new Suspects({ write } as unknown as TunnelStates);
  });

  const hear = async (...results: ProbeResult[]) => {
    for (const result of results) await suspects.hear(tunnel(), result, 0);
  };

  it('has a tunnel fail, with the second reason, when two probes in a row do', async () => {
    await hear(failed, { ...failed, reason: 'still gone' });
    const verdict = { state: 'failed', leg: 'machine→target', reason: 'still gone' };
    expect(written).toEqual([['a', 1, verdict]]);
  });

  it('forgives one, and one that was followed by a better one', async () => {
    await hear(failed, passed, failed, unverified, failed);
    expect(written).toEqual([]);
  });

  it('does not count what failed before the tunnel was changed, or long ago', async () => {
    await hear(failed);
    await suspects.hear(tunnel('a', 2), failed, 0);
    await suspects.hear(tunnel('a', 2), failed, 60_001);
    expect(written).toEqual([]);
  });

  it('keeps tunnels apart', async () => {
    await hear(failed);
    await suspects.hear(tunnel('b'), failed, 0);
    expect(written).toEqual([]);
  });
});
