import { Injectable } from '@nestjs/common';
import type { Probe } from './probe.js';
import { ProbeEvents } from './probe-events.js';
import { ProbeStore } from './probe-store.js';
import { TunnelStates } from './tunnel-states.js';

/** Many at once cost the database as much as one. */
const MAX_WAITING = 2_000;

/** Gathers what probes found, and writes it down together. */
@Injectable()
export class ProbeLog {
  private waiting: Probe[] = [];

  constructor(
    private readonly store: ProbeStore,
    private readonly states: TunnelStates,
    private readonly events: ProbeEvents,
  ) {}

  note(probe: Probe): void {
    if (this.waiting.length < MAX_WAITING) this.waiting.push(probe);
    this.events.probed.next(probe);
  }

  /** What can not be written now is not kept: the next probe tells more. */
  async flush(): Promise<void> {
    const probes = this.waiting;
    if (probes.length === 0) return;
    this.waiting = [];
    await this.states.confirm(probes);
    await this.store.add(probes);
  }
}
