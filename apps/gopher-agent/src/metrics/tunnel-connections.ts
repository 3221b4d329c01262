import type { TunnelConnections as Counted } from '@gopher/proto';
import { parseHostPort, type RatholeClientService } from '@gopher/rathole';
import { countConnections } from '../host/target-connections.js';

/** To read the kernel's table takes it milliseconds where it is large: of a minute, it may cost 30. */
const SHARE_OF_TIME = 1 / 2_000;
const LONGEST_PAUSE_MS = 60_000;
const MAX_TUNNELS = 1_000;

/** How many connections each tunnel has to its target. */
export class TunnelConnections {
  private known: Counted[] = [];
  private of: string | null = null;
  private nextAt = -Infinity;

  /**
   * As they are now, or as they were when they were counted last, if counting them is dear.
   * @param pid of the data client; null: it does not run
   */
  read(pid: number | null, tunnels: readonly RatholeClientService[]): Counted[] {
    const of = `${pid} ${tunnels.map(({ name, localAddr }) => `${name} ${localAddr}`).join()}`;
    const now = performance.now();
    if (now < this.nextAt && of === this.of) return this.known;
    this.known = count(pid, tunnels.slice(0, MAX_TUNNELS));
    this.of = of;
    const tookMs = performance.now() - now;
    this.nextAt = now + Math.min(tookMs / SHARE_OF_TIME, LONGEST_PAUSE_MS);
    return this.known;
  }
}

function count(pid: number | null, tunnels: readonly RatholeClientService[]): Counted[] {
  const targets = tunnels.map(({ type, localAddr }) =>
    type === 'tcp' ? parseHostPort(localAddr) : null,
  );
  const asked = targets.filter((target) => target !== null);
  const found = pid === null ? asked.map(() => 0) : countConnections(pid, asked);
  const counts = found.values();
  return tunnels.map(({ name }, i) => {
    const established = targets[i] ? counts.next().value : null;
    return { service: name, ...(typeof established === 'number' ? { established } : {}) };
  });
}
