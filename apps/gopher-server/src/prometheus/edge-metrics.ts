import { Injectable } from '@nestjs/common';
import { parseHostPort } from '@gopher/rathole';
import { Supervisor, UnknownProcessError } from '@gopher/supervisor';
import { listensOn } from '../edge/rathole/listens-on.js';
import { RatholeServer } from '../edge/rathole/rathole-server.js';
import { RELEASE } from '../release.js';
import { Collector, MetricsRegistry } from './collector.js';

const RATHOLE = 'rathole-server';

/** gopher-server's version, and its rathole. */
@Injectable()
export class EdgeMetrics extends Collector {
  readonly name = 'edge';

  private readonly build = this.gauge('gopher_build_info', 'Always 1; what runs', ['version']);
  private readonly running = this.gauge('gopher_rathole_running', '1: the rathole server runs');
  private readonly lacks = this.gauge(
    'gopher_rathole_lacks',
    "Of Gopher's patches, how many the rathole server that runs does not have",
  );
  private readonly listening = this.gauge(
    'gopher_rathole_control_port_open',
    '1: rathole listens where machines reach it',
  );

  constructor(
    registry: MetricsRegistry,
    private readonly rathole: RatholeServer,
    private readonly supervisor: Supervisor,
  ) {
    super(registry);
    registry.counting(
      'gopher_rathole_restarts_total',
      'How often rathole was started again by itself since gopher-server began',
      () => this.restartsOfRathole(),
    );
  }

  async collect(): Promise<void> {
    const address = parseHostPort(this.rathole.bindAddr ?? '');
    const { state, pid, lacks } = this.rathole.status();
    const listens = pid !== null && address !== null && (await listensOn(pid, address.port));
    this.build.set({ version: RELEASE }, 1);
    this.running.set(Number(state === 'running'));
    this.lacks.set(lacks.length);
    this.listening.set(Number(listens));
  }

  private restartsOfRathole(): number {
    try {
      return this.supervisor.status(RATHOLE).restarts;
    } catch (error) {
      if (error instanceof UnknownProcessError) return 0; // it was never started
      throw error;
    }
  }
}
