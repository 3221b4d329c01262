import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { EdgeId } from '@gopher/machine';
import { type PortRange, ServerConfig } from '../config/server.config.js';
import { type PortObstacle, PortProbe } from './port-probe.js';
import {
  AddressUnusableError,
  NoFreePortError,
  PortReservedError,
  PortTakenError,
} from './tunnel.errors.js';
import type { LeasePurpose } from './port-lease.entity.js';
import type { TunnelProtocol } from './tunnel.entity.js';

export interface LeaseRequest {
  protocol: TunnelProtocol;
  purpose: LeasePurpose;
  machineId: string;
  tunnelId: string | null;
  bindAddress: string;
}

const LOOPBACK = '127.0.0.1';
/** Ports that something else on the edge listens on, before giving up. */
const MAX_BUSY_PORTS = 20;
/** rathole closes the port of a tunnel that was removed a moment after its file changed. */
const CLOSING_MS = 1_000;
/** Beyond so many, nobody is waited for. */
const MAX_WAITING = 50;

/** The one place that promises ports of the edge. */
@Injectable()
export class PortLeases {
  private waiting = 0;

  constructor(
    private readonly edge: EdgeId,
    private readonly config: ServerConfig,
    private readonly probe: PortProbe,
  ) {}

  /**
   * Waits, without holding anything, for a port that rathole is about to close: that of a tunnel that
   * was removed a moment ago.
   */
  async untilClosed(port: number, request: Pick<LeaseRequest, 'protocol' | 'bindAddress'>) {
    if (this.waiting >= MAX_WAITING) return;
    this.waiting += 1;
    try {
      await this.probe.obstacle(request.protocol, request.bindAddress, port, CLOSING_MS);
    } finally {
      this.waiting -= 1;
    }
  }

  /**
   * The port that a person named. @throws PortReservedError, PortTakenError
   * @param isClosing rathole listens there for a tunnel that is being removed
   */
  async leaseNamed(
    tx: EntityManager,
    port: number,
    request: LeaseRequest,
    { isClosing = false } = {},
  ): Promise<number> {
    this.refuseReserved(port);
    await this.lock(tx);
    const [holder] = await tx.query<{ tunnel_id: string | null; purpose: LeasePurpose }[]>(
      `SELECT "tunnel_id", "purpose" FROM "port_lease"
       WHERE "edge_id" = $1 AND "protocol" = $2 AND "port" = $3`,
      [this.edge.value, request.protocol, port],
    );
    if (holder) {
      const by = holder.tunnel_id ? `tunnel ${holder.tunnel_id}` : `a ${holder.purpose}`;
      throw new PortTakenError(port, request.protocol, `by ${by}`);
    }
    const obstacle = isClosing ? null : await this.obstacle(port, request);
    if (obstacle) throw new PortTakenError(port, request.protocol, obstacle.why);
    await this.insert(tx, port, request);
    return port;
  }

  /** A free port for a tunnel. @throws NoFreePortError */
  leaseTunnel(tx: EntityManager, request: LeaseRequest): Promise<number> {
    return this.leaseAny(tx, this.config.tunnelPorts, request);
  }

  /** A free port of the edge's loopback that leads to an agent. @throws NoFreePortError */
  leaseBackChannel(
    tx: EntityManager,
    machineId: string,
    purpose: 'back-channel' | 'data-check',
  ): Promise<number> {
    const request = {
      protocol: 'tcp',
      purpose,
      machineId,
      tunnelId: null,
      bindAddress: LOOPBACK,
    } as const;
    return this.leaseAny(tx, this.config.backChannelPorts, request);
  }

  /** Gives back what a machine's agent had. */
  async releaseBackChannel(tx: EntityManager, machineId: string): Promise<void> {
    await tx.query(
      `DELETE FROM "port_lease"
       WHERE "machine_id" = $1 AND "purpose" IN ('back-channel', 'data-check')`,
      [machineId],
    );
  }

  /** Gives back one of them. */
  async releasePort(tx: EntityManager, machineId: string, port: number): Promise<void> {
    await tx.query(
      `DELETE FROM "port_lease" WHERE "machine_id" = $1 AND "protocol" = 'tcp' AND "port" = $2`,
      [machineId, port],
    );
  }

  private async leaseAny(
    tx: EntityManager,
    range: PortRange,
    request: LeaseRequest,
  ): Promise<number> {
    await this.lock(tx);
    const busy: number[] = [...this.config.reservedPorts.keys()];
    for (let attempt = 0; attempt < MAX_BUSY_PORTS; attempt += 1) {
      const port = await this.pick(tx, range, request.protocol, busy);
      if (port === null) break;
      if (!(await this.obstacle(port, request))) {
        await this.insert(tx, port, request);
        return port;
      }
      busy.push(port);
    }
    throw new NoFreePortError(range.from, range.to);
  }

  /** null: the port is free. @throws AddressUnusableError */
  private async obstacle(port: number, request: LeaseRequest): Promise<PortObstacle | null> {
    const { protocol, bindAddress } = request;
    const found = await this.probe.obstacle(protocol, bindAddress, port);
    if (found?.ofAddress) throw new AddressUnusableError(bindAddress, found.why);
    return found;
  }

  /** At random: a port that was just given back is not the next one to be promised. */
  private async pick(
    tx: EntityManager,
    range: PortRange,
    protocol: TunnelProtocol,
    except: readonly number[],
  ): Promise<number | null> {
    const [row] = await tx.query<{ port: number }[]>(
      `SELECT p AS "port" FROM generate_series($3::int, $4::int) p
       WHERE p <> ALL ($5::int[]) AND NOT EXISTS (
         SELECT FROM "port_lease" l
         WHERE l."edge_id" = $1 AND l."protocol" = $2 AND l."port" = p)
       ORDER BY random() LIMIT 1`,
      [this.edge.value, protocol, range.from, range.to, except],
    );
    return row?.port ?? null;
  }

  private refuseReserved(port: number): void {
    const owner = this.config.reservedPorts.get(port);
    if (owner) throw new PortReservedError(port, owner);
    const { from, to } = this.config.backChannelPorts;
    if (port >= from && port <= to) {
      throw new PortReservedError(port, `the back-channels to agents (${from}-${to})`);
    }
  }

  /** One at a time for each edge: two who look for a free port must not find the same one. */
  private async lock(tx: EntityManager): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('port-lease'), hashtext($1))`, [
      this.edge.value,
    ]);
  }

  private async insert(tx: EntityManager, port: number, request: LeaseRequest): Promise<void> {
    const { protocol, purpose, machineId, tunnelId } = request;
    await tx.query(
      `INSERT INTO "port_lease"
         ("edge_id", "protocol", "port", "purpose", "machine_id", "tunnel_id")
       VALUES ($1, $2, $3, $4, $5, $6)`,
      [this.edge.value, protocol, port, purpose, machineId, tunnelId],
    );
  }
}
