import { Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Tunnel } from '../tunnel/tunnel.entity.js';
import type { Probe } from './probe.js';
import { ProbeEvents } from './probe-events.js';
import type { Verdict } from './tunnel-verdict.js';

/** The one writer of a tunnel's state. */
@Injectable()
export class TunnelStates {
  private readonly logger = new Logger(TunnelStates.name);

  constructor(
    @InjectRepository(Tunnel) private readonly tunnels: Repository<Tunnel>,
    private readonly events: ProbeEvents,
  ) {}

  /** Guarded by the version: a finding about an old target says nothing of the new one. */
  async write(tunnel: Tunnel, verdict: Verdict): Promise<void> {
    const { affected } = await this.tunnels.update(
      { id: tunnel.id, version: tunnel.version, state: tunnel.state },
      {
        state: verdict.state,
        leg: verdict.state === 'failed' ? verdict.leg : null,
        reason: verdict.state === 'active' ? null : verdict.reason,
        proof: verdict.state === 'active' ? verdict.proof : null,
        probedAt: new Date(),
      },
    );
    if (affected === 0) return;
    const { id, machineId } = tunnel;
    this.logger.log(
      `Tunnel ${id} is ${verdict.state}${'reason' in verdict ? `: ${verdict.reason}` : ''}`,
    );
    this.events.changed.next({ tunnelId: id, machineId, verdict });
  }

  /** What tunnels that stay active rest on now. A probe that failed changes nothing of that yet. */
  async confirm(probes: readonly Probe[]): Promise<void> {
    const rows = probes.map(({ tunnelId, version, at, result }) => {
      const proof = result.outcome === 'passed' ? result.proof : null;
      return {
        id: tunnelId,
        version,
        at,
        proof: result.outcome === 'unverified' ? result.outcome : proof,
      };
    });
    await this.tunnels.query(
      `UPDATE "tunnel" t SET "probed_at" = p.at, "proof" = COALESCE(p.proof, t."proof")
       FROM jsonb_to_recordset($1::jsonb) AS p(id uuid, version integer, at timestamptz, proof text)
       WHERE t."id" = p.id AND t."version" = p.version AND t."state" = 'active'`,
      [JSON.stringify(rows)],
    );
  }
}
