import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { type Check, failed, passed, warned } from '@gopher/diagnosis';
import { EdgeId } from '@gopher/machine';
import { type PortRange, ServerConfig } from '../../config/server.config.js';
import type { TunnelProtocol } from '../../tunnel/tunnel.entity.js';
import { EdgeCheck } from '../edge-check.js';

/** Few are left below so many, and below this share of a small range. */
const FEW = 20;
const FEW_SHARE = 0.1;

interface Stock {
  what: string;
  setting: string;
  protocol: TunnelProtocol;
  range: PortRange;
}

@Injectable()
export class PortLeasesCheck extends EdgeCheck {
  readonly id = 'edge-port-leases';

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly config: ServerConfig,
    private readonly edge: EdgeId,
  ) {
    super();
  }

  look(): Promise<Check[]> {
    const { tunnelPorts, backChannelPorts } = this.config;
    const tunnels = { setting: 'GOPHER_TUNNEL_PORTS', range: tunnelPorts };
    const agents = { setting: 'GOPHER_BACK_CHANNEL_PORTS', range: backChannelPorts };
    const stocks: Stock[] = [
      { what: 'TCP tunnels', protocol: 'tcp', ...tunnels },
      { what: 'UDP tunnels', protocol: 'udp', ...tunnels },
      { what: 'agents', protocol: 'tcp', ...agents },
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
    const meaning = `${left} of ${all} ports, ${from} to ${to}, are left for ${what}`;
    const details = { subject: what, measured: { value: left, unit: 'count' } as const };
    if (left >= Math.min(FEW, all * FEW_SHARE) && left > 0) {
      return passed(this.id, meaning, details);
    }
    const advice = `Remove what is not used, or set ${setting} to a larger range`;
    return (left === 0 ? failed : warned)(this.id, meaning, { ...details, advice });
  }
}
