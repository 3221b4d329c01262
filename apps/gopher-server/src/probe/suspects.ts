import { Injectable } from '@nestjs/common';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import type { ProbeResult } from './probe.js';
import { TunnelStates } from './tunnel-states.js';

/** Within this time the retry of a failed probe is over, however slow everything is. */
const SUSPECTED_MS = 60_000;

/**
 * One lost packet does not make a tunnel fail: two probes in a row do. One that passes in between
 * acquits it.
 */
@Injectable()
export class Suspects {
  /** By tunnel, of which version one probe has failed, and when. */
  private readonly failed = new Map<string, { version: number; at: number }>();

  constructor(private readonly states: TunnelStates) {}

  async hear(tunnel: Tunnel, result: ProbeResult, now = performance.now()): Promise<void> {
    const { id, version } = tunnel;
    const before = this.failed.get(id);
    this.failed.delete(id);
    if (result.outcome !== 'failed') return;
    const isSecond = before?.version === version && now - before.at <= SUSPECTED_MS;
    if (!isSecond) return this.suspect(id, version, now);
    const { leg, reason } = result;
    await this.states.write(tunnel, { state: 'failed', leg, reason });
  }

  private suspect(id: string, version: number, now: number): void {
    for (const [other, { at }] of this.failed) {
      if (now - at > SUSPECTED_MS) this.failed.delete(other);
    }
    this.failed.set(id, { version, at: now });
  }
}
