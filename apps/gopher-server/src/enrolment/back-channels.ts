import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { EdgeId } from '@gopher/machine';
import { randomSecret } from '../secret/one-time-secret.js';
import { SecretBox } from '../secret/secret-box.js';
import { PortLeases } from '../tunnel/port-leases.js';
import { BackChannel } from './back-channel.entity.js';

export interface AgentPorts {
  agentPort: number;
  checkPort: number;
}

/** The two ways from the edge to an agent: their ports and their rathole tokens. */
@Injectable()
export class BackChannels {
  constructor(
    @InjectRepository(BackChannel) private readonly channels: Repository<BackChannel>,
    private readonly leases: PortLeases,
    private readonly box: SecretBox,
    private readonly edge: EdgeId,
  ) {}

  /** Repeatable: a machine that has one keeps it, with the ports that its agent has now. */
  async prepare(tx: EntityManager, machineId: string, ports: AgentPorts): Promise<BackChannel> {
    const known = await tx.findOneBy(BackChannel, { machineId });
    const agent = { agentPort: ports.agentPort, agentCheckPort: ports.checkPort };
    if (known) {
      await tx.update(BackChannel, { machineId }, agent);
      return Object.assign(known, agent);
    }
    const channel = tx.create(BackChannel, {
      machineId,
      ...agent,
      port: await this.leases.leaseBackChannel(tx, machineId, 'back-channel'),
      checkPort: await this.leases.leaseBackChannel(tx, machineId, 'data-check'),
      tokenSealed: this.box.seal(randomSecret()),
      checkTokenSealed: this.box.seal(randomSecret()),
    });
    await tx.insert(BackChannel, channel);
    return channel;
  }

  async release(tx: EntityManager, machineId: string): Promise<void> {
    await tx.delete(BackChannel, { machineId });
    await this.leases.releaseBackChannel(tx, machineId);
  }

  /** Machines with an enrolment that began before `before`, the last one, and that nobody finished. */
  abandoned(before: Date): Promise<{ machineId: string; neverAnswered: boolean }[]> {
    return this.channels.query(
      `SELECT c."machine_id" AS "machineId", NOT bool_or(c."state" = 'active') AS "neverAnswered"
       FROM "agent_certificate" c JOIN "machine" m ON m."id" = c."machine_id"
       WHERE m."edge_id" = $1 AND m."agent_addr" IS NOT NULL AND c."state" <> 'revoked'
       GROUP BY c."machine_id"
       HAVING max(c."created_at")
         FILTER (WHERE c."state" = 'issued' AND c."origin" = 'enrolment') < $2`,
      [this.edge.value, before],
    );
  }
}
