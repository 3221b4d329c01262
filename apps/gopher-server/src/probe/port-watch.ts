import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { EdgeId } from '@gopher/machine';
import { RatholeServer } from '../edge/rathole/rathole-server.js';
import { Tunnel, type TunnelState } from '../tunnel/tunnel.entity.js';
import { BoundPorts } from './bound-ports.js';
import { edgeProblem } from './edge-problem.js';
import { TunnelProber } from './tunnel-prober.js';
import { TunnelStates } from './tunnel-states.js';
import { notServed } from './tunnel-verdict.js';

const INTERVAL_MS = 5_000;

/**
 * Sees between probes that a tunnel's port is closed, which a rathole with Gopher's patches does when
 * the machine's client is gone.
 */
@Injectable()
export class PortWatch {
  private readonly logger = new Logger(PortWatch.name);
  /** Ids of tunnels whose port was closed at the last look, and what state they were in then. */
  private closed: ReadonlyMap<string, TunnelState> = new Map();
  private looking = false;

  constructor(
    @InjectRepository(Tunnel) private readonly tunnels: Repository<Tunnel>,
    private readonly edge: EdgeId,
    private readonly rathole: RatholeServer,
    private readonly states: TunnelStates,
    private readonly prober: TunnelProber,
  ) {}

  /**
   * A tunnel that was up and whose port is closed twice in a row is not up: its machine's client is
   * away. One whose port opens again is visited at once.
   */
  @Interval(INTERVAL_MS)
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      await this.compare();
    } catch (error) {
      this.logger.warn(`The ports could not be looked at: ${String(error)}`);
    } finally {
      this.looking = false;
    }
  }

  private async compare(): Promise<void> {
    const problem = edgeProblem(this.rathole);
    if (problem === null && !this.rathole.has('revocation')) return;
    const tunnels = await this.tunnels.findBy({ edgeId: this.edge.value });
    const bound = { tcp: await BoundPorts.read('tcp'), udp: await BoundPorts.read('udp') };
    const before = this.closed;
    const closed = tunnels.filter(
      ({ protocol, bindAddress, port }) => !bound[protocol].has(bindAddress, port),
    );
    this.closed = new Map(closed.map(({ id, state }) => [id, state]));
    for (const tunnel of closed) {
      const isClosedForLong = tunnel.state === 'active' && before.get(tunnel.id) === 'active';
      if (!isClosedForLong) continue;
      await this.states.write(tunnel, { state: 'failed', ...notServed(tunnel, problem) });
    }
    const opened = tunnels.filter(({ id }) => before.has(id) && !this.closed.has(id));
    if (opened.length > 0) void this.prober.revisit(opened.map(({ id }) => id));
  }
}
