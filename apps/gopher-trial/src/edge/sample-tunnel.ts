import { MARKER_HEADER } from '../sample/page.js';
import type { Memory } from '../trial-directory.js';
import { TrialFailedError } from '../trial.errors.js';
import { until } from '../until.js';
import type { EdgeApi, TunnelView } from './edge-api.js';

/** A visitor of a tunnel that is not whole yet may hang: each try has its own short time. */
const VISIT_TIMEOUT_MS = 1_000;
const SERVES_TIMEOUT_MS = 30_000;

/** The tunnel to the sample page, which is made once and found again. */
export class SampleTunnel {
  constructor(
    private readonly api: EdgeApi,
    private readonly target: string,
  ) {}

  async findOrCreate(machineId: string, memory: Memory): Promise<TunnelView> {
    const known = memory.tunnelId === null ? null : await this.api.tunnel(memory.tunnelId);
    if (known?.target === this.target) return known;
    if (known) return this.api.retarget(known.id, this.target);
    const found = await this.api.findTunnel(machineId, this.target);
    return found ?? this.api.createTunnel(machineId, this.target);
  }

  /** From end to end: it is our page that answers, through the tunnel. @throws TrialFailedError */
  async untilItServes(tunnel: TunnelView, marker: string, signal: AbortSignal): Promise<void> {
    const ask = async () => ((await visit(tunnel.address)) === marker ? true : null);
    const serves = await until(ask, { timeoutMs: SERVES_TIMEOUT_MS, signal });
    if (serves) return;
    const { state, leg, reason } = (await this.api.tunnel(tunnel.id)) ?? tunnel;
    throw new TrialFailedError(
      `The sample page did not come through the tunnel ${tunnel.address} within ` +
        `${SERVES_TIMEOUT_MS / 1_000} s. The tunnel is ${state}${leg ? ` (${leg})` : ''}: ${reason ?? 'no reason known'}`,
    );
  }
}

/** The marker of the page that answers there; null when none does. */
export async function visit(address: string): Promise<string | null> {
  try {
    const response = await fetch(`http://${address}/`, {
      signal: AbortSignal.timeout(VISIT_TIMEOUT_MS),
      headers: { connection: 'close' },
    });
    const marker = response.headers.get(MARKER_HEADER);
    const page = await response.text();
    return marker !== null && page.includes(marker) ? marker : null;
  } catch {
    return null;
  }
}
