import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, Repository } from 'typeorm';
import { EdgeId } from '@gopher/machine';
import { ServerConfig } from '../config/server.config.js';
import { Tunnel } from '../tunnel/tunnel.entity.js';

const MAX_AT_ONCE = 100;
/** One lost packet is no failure: a probe that failed is repeated this soon. */
const RETRY_MS = 2_000;

/** Whose turn it is to be probed, of the tunnels that are up. */
@Injectable()
export class ProbeTurns {
  private readonly running = new Set<string>();
  /** By tunnel, when it is probed again out of its turn. */
  private readonly retries = new Map<string, number>();
  private lastAt = performance.now();

  constructor(
    @InjectRepository(Tunnel) private readonly tunnels: Repository<Tunnel>,
    private readonly edge: EdgeId,
    private readonly config: ServerConfig,
  ) {}

  /**
   * Those that waited longest, and no more of them than the time since the last call is of the
   * interval: so that a fleet stays spread over it, and becomes so after a start. None that is being
   * probed. Each has to be given back with `end`.
   */
  async next(now = performance.now()): Promise<Tunnel[]> {
    const edgeId = this.edge.value;
    const share = Math.min(1, (now - this.lastAt) / this.config.probeIntervalMs);
    this.lastAt = now; // also when the database is away: what waited meanwhile is spread as well
    const active = await this.tunnels.countBy({ edgeId, state: 'active' });
    const room = MAX_AT_ONCE - this.running.size;
    const due = [...this.retries].filter(([, at]) => at <= now).slice(0, Math.max(room, 0));
    const again = await this.again(due.map(([id]) => id));
    const limit = Math.min(room - again.length, Math.ceil(active * share));
    const found = limit > 0 ? [...again, ...(await this.waiting(limit))] : again;
    // All is read by now: what is taken is given to somebody, who gives it back.
    for (const [id] of due) this.retries.delete(id);
    for (const { id } of found) this.running.add(id);
    return found;
  }

  end(tunnelId: string, failed: boolean, now = performance.now()): void {
    this.running.delete(tunnelId);
    if (failed) this.retries.set(tunnelId, now + RETRY_MS);
  }

  private async again(ids: string[]): Promise<Tunnel[]> {
    return ids.length === 0 ? [] : this.tunnels.findBy({ id: In(ids), state: 'active' });
  }

  private waiting(limit: number): Promise<Tunnel[]> {
    const taken = [...this.running, ...this.retries.keys()];
    const now = Date.now();
    return (
      this.tunnels
        .createQueryBuilder('t')
        .where('t.edge_id = :edgeId', { edgeId: this.edge.value })
        .andWhere(`t.state = 'active' AND t.id <> ALL (:taken)`, { taken })
        // A time to come was written before the clock was put back.
        .andWhere('(t.probed_at <= :since OR t.probed_at > :now OR t.probed_at IS NULL)', {
          since: new Date(now - this.config.probeIntervalMs),
          now: new Date(now + 1_000),
        })
        .orderBy('t.probed_at', 'ASC', 'NULLS FIRST')
        .addOrderBy('t.machine_id')
        .limit(limit)
        .getMany()
    );
  }
}
