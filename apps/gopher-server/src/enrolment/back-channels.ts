import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { EdgeId, MachineService } from '@gopher/machine';
import { randomSecret } from '../secret/one-time-secret.js';
import { SecretBox } from '../secret/secret-box.js';
import { PortLeases } from '../tunnel/port-leases.js';
import { BackChannel } from './back-channel.entity.js';

export interface AgentPorts {
  agentPort: number;
  checkPort: number;
}

/** host:port at which the edge reaches the agent behind a port of its own. */
export const agentAddress = (port: number): string => `127.0.0.1:${port}`;

/** The two ways from the edge to an agent: their ports and their rathole tokens. */
@Injectable()
export class BackChannels {
  constructor(
    @InjectRepository(BackChannel) private readonly channels: Repository<BackChannel>,
    private readonly leases: PortLeases,
    private readonly box: SecretBox,
    private readonly edge: EdgeId,
    private readonly machines: MachineService,
  ) {}

  /**
   * Repeatable: a machine that has one keeps it, with the ports that its agent has now. A move of its
   * control client ends: what an enrolment hands out leads through the present one.
   */
  async prepare(tx: EntityManager, machineId: string, ports: AgentPorts): Promise<BackChannel> {
    const known = await locked(tx, machineId);
    const agent = { agentPort: ports.agentPort, agentCheckPort: ports.checkPort };
    if (known) {
      await this.endMove(tx, known);
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

  /**
   * Has the next control client a port and a token, unless it has.
   * @throws MachineNotFoundError, NoFreePortError
   */
  async beginMove(machineId: string): Promise<void> {
    await this.change(machineId, async (tx, channel) => {
      if (channel.nextPort !== null) return;
      const nextPort = await this.leases.leaseBackChannel(tx, machineId, 'back-channel');
      const nextTokenSealed = this.box.seal(randomSecret());
      await tx.update(BackChannel, { machineId }, { nextPort, nextTokenSealed });
    });
  }

  /** The agent is reached through this one alone from here on. @throws MachineNotFoundError */
  async completeMove(machineId: string, nextPort: number): Promise<void> {
    await this.change(machineId, async (tx, channel) => {
      if (channel.nextPort !== nextPort) return; // an enrolment ended it
      const moved = {
        port: nextPort,
        tokenSealed: channel.nextTokenSealed!,
        generation: channel.generation + 1,
        nextPort: null,
        nextTokenSealed: null,
      };
      await tx.update(BackChannel, { machineId }, moved);
      await this.leases.releasePort(tx, machineId, channel.port);
      await this.machines.moveAgent({ id: machineId, agentAddr: agentAddress(nextPort) }, tx);
    });
  }

  /** All stays with the present one. @throws MachineNotFoundError */
  async abandonMove(machineId: string, nextPort: number): Promise<void> {
    await this.change(machineId, async (tx, channel) => {
      if (channel.nextPort === nextPort) await this.endMove(tx, channel);
    });
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

  /** The machine is held first: its removal takes it before its back-channel. */
  private async change(
    machineId: string,
    work: (tx: EntityManager, channel: BackChannel) => Promise<void>,
  ): Promise<void> {
    await this.channels.manager.transaction(async (tx) => {
      await this.machines.hold(machineId, tx);
      const channel = await locked(tx, machineId);
      if (channel) await work(tx, channel);
    });
  }

  private async endMove(tx: EntityManager, { machineId, nextPort }: BackChannel): Promise<void> {
    if (nextPort === null) return;
    await tx.update(BackChannel, { machineId }, { nextPort: null, nextTokenSealed: null });
    await this.leases.releasePort(tx, machineId, nextPort);
  }
}

const locked = (tx: EntityManager, machineId: string): Promise<BackChannel | null> =>
  tx.findOne(BackChannel, { where: { machineId }, lock: { mode: 'pessimistic_write' } });
