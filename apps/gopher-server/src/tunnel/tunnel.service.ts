import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, MoreThan, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { MachineService } from '@gopher/machine';
import { parseHostPort } from '@gopher/rathole';
import { BackChannel } from '../enrolment/back-channel.entity.js';
import { randomSecret } from '../secret/one-time-secret.js';
import { SecretBox } from '../secret/secret-box.js';
import { PortLeases } from './port-leases.js';
import { Tunnel, type TunnelProtocol } from './tunnel.entity.js';
import { TargetReservedError, TunnelChangedError, TunnelNotFoundError } from './tunnel.errors.js';

export interface NewTunnel {
  machineId: string;
  protocol: TunnelProtocol;
  target: string;
  bindAddress: string;
  /** null: any that is free. */
  port: number | null;
}

export interface TunnelFilter {
  machineId: string | undefined;
  after: string | null;
  limit: number;
}

const LOOPBACK_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|::1|0\.0\.0\.0|::)$/i;

@Injectable()
export class TunnelService {
  constructor(
    @InjectRepository(Tunnel) private readonly tunnels: Repository<Tunnel>,
    private readonly machines: MachineService,
    private readonly leases: PortLeases,
    private readonly box: SecretBox,
  ) {}

  /** @throws MachineNotFoundError, TargetReservedError, PortTakenError, PortReservedError */
  async create(tx: EntityManager, input: NewTunnel): Promise<Tunnel> {
    const machine = await this.machines.get(input.machineId, tx);
    await this.refuseReservedTarget(tx, machine.id, input.target);
    const { protocol, bindAddress, target } = input;
    const id = uuidv7();
    const tunnel = tx.create(Tunnel, {
      id,
      edgeId: machine.edgeId,
      machineId: machine.id,
      protocol,
      target,
      bindAddress,
      port: 1,
      tokenSealed: this.box.seal(randomSecret()),
      reason: 'Not checked yet',
    });
    // The lease refers to the tunnel, and the tunnel needs the lease's port: insert, lease, correct.
    await tx.insert(Tunnel, tunnel);
    const request = {
      protocol,
      purpose: 'tunnel',
      machineId: machine.id,
      tunnelId: id,
      bindAddress,
    } as const;
    const port =
      input.port === null
        ? await this.leases.leaseTunnel(tx, request)
        : await this.leases.leaseNamed(tx, input.port, request);
    await tx.update(Tunnel, { id }, { port });
    return tx.findOneByOrFail(Tunnel, { id });
  }

  /** @throws TunnelNotFoundError */
  async get(id: string): Promise<Tunnel> {
    const tunnel = await this.tunnels.findOneBy({ id });
    if (!tunnel) throw new TunnelNotFoundError(id);
    return tunnel;
  }

  /** In the order of creation, after `after`. */
  list({ machineId, after, limit }: TunnelFilter): Promise<Tunnel[]> {
    return this.tunnels.find({
      where: { ...(machineId ? { machineId } : {}), ...(after ? { id: MoreThan(after) } : {}) },
      order: { id: 'ASC' },
      take: limit,
    });
  }

  /** @throws TunnelNotFoundError, TunnelChangedError, TargetReservedError */
  async retarget(id: string, target: string, expected: number | null): Promise<Tunnel> {
    const current = await this.get(id);
    await this.refuseReservedTarget(this.tunnels.manager, current.machineId, target);
    const version = expected ?? current.version;
    const { affected } = await this.tunnels.update(
      { id, version },
      {
        target,
        version: version + 1,
        state: 'pending',
        leg: null,
        proof: null,
        reason: 'Its target was changed and has not been checked yet',
      },
    );
    if (affected === 0) throw new TunnelChangedError(id);
    return this.get(id);
  }

  /** @throws TunnelNotFoundError, TunnelChangedError */
  async remove(id: string, expected: number | null): Promise<void> {
    const { version } = await this.get(id);
    if (expected !== null && expected !== version) throw new TunnelChangedError(id);
    await this.tunnels.delete({ id });
  }

  private async refuseReservedTarget(tx: EntityManager, machineId: string, target: string) {
    const parsed = parseHostPort(target);
    if (!parsed || !LOOPBACK_HOST.test(parsed.host)) return;
    const agent = await tx.findOneBy(BackChannel, { machineId });
    if (agent && [agent.agentPort, agent.agentCheckPort].includes(parsed.port)) {
      throw new TargetReservedError(target);
    }
  }
}
