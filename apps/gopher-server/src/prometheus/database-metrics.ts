import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { EdgeId } from '@gopher/machine';
import { type PortRange, ServerConfig } from '../config/server.config.js';
import { TUNNEL_PROTOCOLS } from '../tunnel/tunnel.entity.js';
import { Collector, MetricsRegistry } from './collector.js';

interface Row {
  protocol: string;
  tunnels: number;
  back_channels: number;
}

/** The database, and the ports that it says are promised. */
@Injectable()
export class DatabaseMetrics extends Collector {
  readonly name = 'database';

  private readonly up = this.gauge('gopher_database_up', '1: the database answers');
  private readonly roundTrip = this.gauge(
    'gopher_database_round_trip_seconds',
    'How long the database took to answer the smallest question',
  );
  private readonly ports = this.gauge(
    'gopher_ports',
    'Ports of the ranges that GOPHER_TUNNEL_PORTS and GOPHER_BACK_CHANNEL_PORTS name',
    ['range', 'protocol'],
  );
  private readonly free = this.gauge(
    'gopher_ports_free',
    'Ports of these ranges that are promised to nobody',
    ['range', 'protocol'],
  );

  constructor(
    registry: MetricsRegistry,
    @InjectDataSource() private readonly database: DataSource,
    private readonly config: ServerConfig,
    private readonly edge: EdgeId,
  ) {
    super(registry);
  }

  async collect(): Promise<void> {
    const begun = performance.now();
    await this.database.query('SELECT 1');
    const seconds = (performance.now() - begun) / 1_000;
    const { tunnelPorts: tunnels, backChannelPorts: agents } = this.config;
    const rows = await this.database.query<Row[]>(
      `SELECT "protocol",
         count(*) FILTER (WHERE "port" BETWEEN $2 AND $3)::int AS "tunnels",
         count(*) FILTER (WHERE "port" BETWEEN $4 AND $5)::int AS "back_channels"
       FROM "port_lease" WHERE "edge_id" = $1 GROUP BY "protocol"`,
      [this.edge.value, tunnels.from, tunnels.to, agents.from, agents.to],
    );
    super.forget();
    this.up.set(1);
    this.roundTrip.set(seconds);
    for (const protocol of TUNNEL_PROTOCOLS) {
      const leased = rows.find((row) => row.protocol === protocol)?.tunnels ?? 0;
      this.show('tunnels', protocol, tunnels, leased);
    }
    const leased = rows.find((row) => row.protocol === 'tcp')?.back_channels ?? 0;
    this.show('back-channels', 'tcp', agents, leased);
  }

  override forget(): void {
    super.forget();
    this.up.set(0);
  }

  private show(range: string, protocol: string, { from, to }: PortRange, leased: number): void {
    this.ports.set({ range, protocol }, to - from + 1);
    this.free.set({ range, protocol }, to - from + 1 - leased);
  }
}
