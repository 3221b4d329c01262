import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Check } from '@gopher/diagnosis';
import { EdgeId } from '@gopher/machine';
import { type PortRange, ServerConfig } from '../../config/server.config.js';
import type { TunnelProtocol } from '../../tunnel/tunnel.entity.js';
import { EdgeCheck } from '../edge-check.js';

/** Below this share of its range, or this many, someone should know. */
const FEW_SHARE = 0.1;
const FEW = 20;

interface Stock {
  what: string;
  setting: string;
  protocol: TunnelProtocol;
  range: PortRange;
}

@Injectable()
export class PortLeasesCheck extends EdgeCheck {
  readonly id = 'edge-port-leases';
  readonly leg = 'edge';

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly config: ServerConfig,
    private readonly edge: EdgeId,
  ) {
    super();
  }

  async look(): Promise<Check[]> {
    const { tunnelPorts, backChannelPorts } = this.config;
    const tunnels = { setting: 'GOPHER_TUNNEL_PORTS', range: tunnelPorts };
    const agents = { setting: 'GOPHER_BACK_CHANNEL_PORTS', range: backChannelPorts };
    const stocks: Stock[] = [
      { what: 'TCP tunnels', protocol: 'tcp', ...tunnels },
      { what: 'UDP tunnels', protocol: 'udp', ...tunnels },
      { what: 'machines with an agent', protocol: 'tcp', ...agents },
    ];
    return Promise.all(stocks.map((stock) => this.left(stock)));
  }

  private async left({ what, setting, protocol, range }: Stock): Promise<Check> {
    const { from, to } = range;
    const [row] = await this.database.query<{ taken: number }[]>(
      `SELECT count(*)::int AS "taken" FROM "port_lease"
       WHERE "edge_id" = $1 AND "protocol" = $2 AND "port" BETWEEN $3 AND $4`,
      [this.edge.value, protocol, from, to],
    );
    const all = to - from + 1;
    const left = all - (row?.taken ?? 0);
    const measured = { value: left, unit: 'count' } as const;
    const meaning = `${left} of ${all} ports from ${from} to ${to} are free for ${what}`;
    const about = { subject: what, measured, meaning };
    if (left > Math.min(FEW, all * FEW_SHARE)) return this.found('pass', about);
    const advice = `Remove what is not used, or set ${setting} to a larger range`;
    return this.found(left === 0 ? 'fail' : 'warn', { ...about, advice });
  }
}
