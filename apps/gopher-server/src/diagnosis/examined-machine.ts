import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import {
  type AgentTarget,
  type Machine,
  MachineService,
  type MachineStatus,
} from '@gopher/machine';
import { BackChannel } from '../enrolment/back-channel.entity.js';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import { TunnelService } from '../tunnel/tunnel.service.js';

/** A report names so many tunnels; those that have failed come first. */
const MAX_TUNNELS = 50;

export interface ExaminedAgent {
  target: AgentTarget;
  /** The edge's port that leads through the machine's data client to the agent's echo. */
  checkPort: number;
}

/** What is known of a machine, and which of its tunnels are to be looked at. */
export interface ExaminedMachine {
  id: string;
  name: string;
  status: MachineStatus;
  /** null: the machine has no agent. */
  agent: ExaminedAgent | null;
  tunnels: readonly Tunnel[];
  /** How many more it has, that are not looked at. */
  omitted: number;
}

@Injectable()
export class ExaminedMachines {
  constructor(
    private readonly machines: MachineService,
    private readonly tunnels: TunnelService,
    @InjectRepository(BackChannel) private readonly channels: Repository<BackChannel>,
  ) {}

  /** With all of its tunnels. @throws MachineNotFoundError */
  async machine(id: string): Promise<ExaminedMachine> {
    const machine = await this.machines.get(id);
    const all = await this.tunnels.list({ machineId: id, after: null, limit: 1_000 });
    const tunnels = all.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_TUNNELS);
    return this.examined(machine, tunnels, all.length - tunnels.length);
  }

  /** With this one of its tunnels alone. @throws TunnelNotFoundError */
  async ofTunnel(id: string): Promise<ExaminedMachine & { tunnel: Tunnel }> {
    const tunnel = await this.tunnels.get(id);
    const machine = await this.machines.get(tunnel.machineId);
    return { ...(await this.examined(machine, [tunnel], 0)), tunnel };
  }

  private async examined(
    machine: Machine,
    tunnels: Tunnel[],
    omitted: number,
  ): Promise<ExaminedMachine> {
    const { id, name, agentAddr } = machine;
    const [status] = await this.machines.statuses([machine]);
    const channel = agentAddr === null ? null : await this.channels.findOneBy({ machineId: id });
    const agent =
      agentAddr !== null && channel
        ? { target: { id, agentAddr }, checkPort: channel.checkPort }
        : null;
    return { id, name, status: status!, agent, tunnels, omitted };
  }
}

const rank = ({ state }: Tunnel): number => (state === 'failed' ? 0 : state === 'pending' ? 1 : 2);
