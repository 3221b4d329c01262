import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectRepository } from '@nestjs/typeorm';
import { MoreThan, Repository } from 'typeorm';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import type { Probe } from './probe.js';
import { TunnelProbe } from './tunnel-probe.entity.js';

const KEPT_MS = 3_600_000;
const PURGE_INTERVAL_MS = 300_000;
/** Of one tunnel; an hour has 720 at the shortest interval. */
const MAX_READ = 1_000;
const MAX_REASON = 500;

/** One hour of probes, in the database. */
@Injectable()
export class ProbeStore {
  private readonly logger = new Logger(ProbeStore.name);

  constructor(@InjectRepository(TunnelProbe) private readonly probes: Repository<TunnelProbe>) {}

  /** Of tunnels that are as they were when they were looked at; others are left out. */
  async add(probes: readonly Probe[]): Promise<void> {
    await this.probes.query(
      `INSERT INTO "tunnel_probe" ("tunnel_id", "at", "version", "outcome", "proof", "leg", "reason",
         "edge_to_machine_ms", "machine_to_target_ms", "first_byte_ms", "total_ms")
       SELECT p.* FROM jsonb_to_recordset($1::jsonb) AS p(tunnel_id uuid, at timestamptz,
         version integer, outcome text, proof text, leg text, reason text, edge_to_machine_ms real,
         machine_to_target_ms real, first_byte_ms real, total_ms real)
       JOIN "tunnel" t ON t."id" = p.tunnel_id AND t."version" = p.version
       FOR KEY SHARE OF t
       ON CONFLICT DO NOTHING`,
      [JSON.stringify(probes.map(toRow))],
    );
  }

  /** Of the last hour before `now`, and of the tunnel as it is now; newest first. */
  lastHour(
    { id, version }: Pick<Tunnel, 'id' | 'version'>,
    now = new Date(),
  ): Promise<TunnelProbe[]> {
    const after = new Date(now.getTime() - KEPT_MS);
    return this.probes.find({
      where: { tunnelId: id, version, at: MoreThan(after) },
      order: { at: 'DESC' },
      take: MAX_READ,
    });
  }

  @Interval(PURGE_INTERVAL_MS)
  async purge(now = new Date()): Promise<void> {
    try {
      const before = new Date(now.getTime() - KEPT_MS);
      // What a clock that was put back left in the future would stay.
      await this.probes.query(`DELETE FROM "tunnel_probe" WHERE "at" < $1 OR "at" > $2`, [
        before,
        new Date(now.getTime() + KEPT_MS),
      ]);
    } catch (error) {
      this.logger.warn(`Old probes could not be removed: ${String(error)}`);
    }
  }
}

function toRow({ tunnelId, version, at, result, legs, totalMs }: Probe) {
  const { outcome } = result;
  return {
    tunnel_id: tunnelId,
    at,
    version,
    outcome,
    proof: outcome === 'passed' ? result.proof : null,
    leg: outcome === 'failed' ? result.leg : null,
    reason: outcome === 'passed' ? null : result.reason.slice(0, MAX_REASON),
    edge_to_machine_ms: legs.edgeToMachineMs,
    machine_to_target_ms: legs.machineToTargetMs,
    first_byte_ms: legs.firstByteMs,
    total_ms: totalMs,
  };
}
