import { BlockList, isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, MoreThan, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { Application } from '@gopher/diagnosis';
import { EdgeId, MachineService } from '@gopher/machine';
import { parseHostPort } from '@gopher/rathole';
import { BackChannel } from '../enrolment/back-channel.entity.js';
import { randomSecret } from '../secret/one-time-secret.js';
import { SecretBox } from '../secret/secret-box.js';
import { PortLeases } from './port-leases.js';
import { Tunnel, type TunnelProtocol } from './tunnel.entity.js';
import {
  NothingToSpeakError,
  TargetReservedError,
  TunnelChangedError,
  TunnelNotFoundError,
} from './tunnel.errors.js';

export interface NewTunnel {
  machineId: string;
  protocol: TunnelProtocol;
  target: string;
  speaks: Application | null;
  bindAddress: string;
  /** null: any that is free. */
  port: number | null;
}

/** What is left out stays as it is. */
export interface TunnelChange {
  target?: string | undefined;
  speaks?: Application | null | undefined;
}

export interface TunnelFilter {
  machineId: string | undefined;
  after: string | null;
  limit: number;
}

/** Addresses that lead to the machine's own loopback; a mapped IPv4 address counts as itself. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('0.0.0.0', 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
LOOPBACK.addAddress('::', 'ipv6');

@Injectable()
export class TunnelService {
  constructor(
    @InjectRepository(Tunnel) private readonly tunnels: Repository<Tunnel>,
    private readonly machines: MachineService,
    private readonly leases: PortLeases,
    private readonly box: SecretBox,
    private readonly edge: EdgeId,
  ) {}

  /** To be called before `create`, outside of its transaction. */
  async untilPortClosed({ port, protocol, bindAddress }: NewTunnel): Promise<void> {
    if (port === null) return;
    const isLeased = await this.tunnels.existsBy({ edgeId: this.edge.value, protocol, port });
    if (!isLeased) await this.leases.untilClosed(port, { protocol, bindAddress });
  }

  /** @throws MachineNotFoundError, TargetReservedError, PortTakenError, PortReservedError */
  async create(tx: EntityManager, input: NewTunnel): Promise<Tunnel> {
    const machine = await this.machines.hold(input.machineId, tx);
    await this.refuseReservedTarget(tx, machine.id, input.target);
    const { protocol, bindAddress, target, speaks } = input;
    const id = uuidv7();
    const tunnel = tx.create(Tunnel, {
      id,
      edgeId: machine.edgeId,
      machineId: machine.id,
      protocol,
      target,
      speaks,
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
    const tunnel = await this.tunnels.findOneBy({ id, edgeId: this.edge.value });
    if (!tunnel) throw new TunnelNotFoundError(id);
    return tunnel;
  }

  /** In the order of creation, after `after`. */
  list({ machineId, after, limit }: TunnelFilter): Promise<Tunnel[]> {
    return this.tunnels.find({
      where: {
        edgeId: this.edge.value,
        ...(machineId ? { machineId } : {}),
        ...(after ? { id: MoreThan(after) } : {}),
      },
      order: { id: 'ASC' },
      take: limit,
    });
  }

  /** @throws TunnelNotFoundError, TunnelChangedError, TargetReservedError, NothingToSpeakError */
  async change(id: string, change: TunnelChange, expected: number | null): Promise<Tunnel> {
    const current = await this.get(id);
    const { target = current.target, speaks = current.speaks } = change;
    if (current.protocol === 'udp' && speaks !== null) throw new NothingToSpeakError();
    await this.refuseReservedTarget(this.tunnels.manager, current.machineId, target);
    const what = change.target === undefined ? 'What it speaks' : 'Its target';
    const { affected } = await this.tunnels.update(
      { id, ...ifVersion(expected) },
      {
        target: change.target,
        speaks: change.speaks,
        version: () => '"version" + 1',
        state: 'pending',
        leg: null,
        proof: null,
        reason: `${what} was changed and has not been checked yet`,
      },
    );
    if (affected === 0) throw new TunnelChangedError(id);
    return this.get(id);
  }

  /** @throws TunnelNotFoundError, TunnelChangedError */
  async remove(id: string, expected: number | null): Promise<void> {
    const { affected } = await this.tunnels.delete({
      id,
      edgeId: this.edge.value,
      ...ifVersion(expected),
    });
    if (affected !== 0) return;
    await this.get(id);
    throw new TunnelChangedError(id);
  }

  private async refuseReservedTarget(tx: EntityManager, machineId: string, target: string) {
    const parsed = parseHostPort(target);
    if (!parsed || !isLoopback(parsed.host)) return;
    const agent = await tx.findOneBy(BackChannel, { machineId });
    if (agent && [agent.agentPort, agent.agentCheckPort].includes(parsed.port)) {
      throw new TargetReservedError(target);
    }
  }
}

/** null: any version will do. */
const ifVersion = (version: number | null) => (version === null ? {} : { version });

function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return /^(?:localhost|.+\.localhost)$/i.test(host);
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
