import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import {
  type AgentTarget,
  type Machine,
  MachineService,
  type MachineStatus,
} from '@gopher/machine';
import { serviceNames } from '../edge/edge-files.js';
import { BackChannel } from '../enrolment/back-channel.entity.js';
import type { CheckedAgent } from '../machine/data-path-look.js';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import { TunnelService } from '../tunnel/tunnel.service.js';
import type { DeclaredTarget } from './agent-diagnosis.js';

/** A report names so many tunnels; those that have failed come first. */
const MAX_TUNNELS = 50;
const MAX_DECLARED = 1_000;

/** What is known of a machine, and which of its tunnels are to be looked at. */
export interface ExaminedMachine {
  id: string;
  name: string;
  status: MachineStatus;
  /** null: the machine has no agent. */
  agent: CheckedAgent | null;
  tunnels: readonly Tunnel[];
  /** Of all of its tunnels, those that say what they speak. */
  declared: readonly DeclaredTarget[];
  /** How many tunnels there are that are not looked at. */
  omitted: number;
}

@Injectable()
export class ExaminedMachines {
  constructor(
    private readonly machines: MachineService,
    private readonly tunnels: TunnelService,
    @InjectRepository(BackChannel) private readonly channels: Repository<BackChannel>,
  ) {}

  /** With its tunnels, as many as a report names. @throws MachineNotFoundError */
  async machine(id: string): Promise<ExaminedMachine> {
    const machine = await this.machines.get(id);
    const all = await this.tunnelsOf(id);
    const tunnels = all.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_TUNNELS);
    return this.examined(machine, all, { tunnels, omitted: all.length - tunnels.length });
  }

  /** With this one of its tunnels alone. @throws TunnelNotFoundError */
  async ofTunnel(id: string): Promise<{ machine: ExaminedMachine; tunnel: Tunnel }> {
    const tunnel = await this.tunnels.get(id);
    const machine = await this.machines.get(tunnel.machineId);
    const all = await this.tunnelsOf(machine.id);
    return {
      tunnel,
      machine: await this.examined(machine, all, { tunnels: [tunnel], omitted: 0 }),
    };
  }

  private tunnelsOf(machineId: string): Promise<Tunnel[]> {
    return this.tunnels.list({ machineId, after: null, limit: MAX_DECLARED });
  }

  private async examined(
    machine: Machine,
    all: readonly Tunnel[],
    looked: Pick<ExaminedMachine, 'tunnels' | 'omitted'>,
  ): Promise<ExaminedMachine> {
    const { id, name, agentAddr } = machine;
    const [status] = await this.machines.statuses([machine]);
    const channel = agentAddr === null ? null : await this.channels.findOneBy({ machineId: id });
    const agent =
      agentAddr !== null && channel
        ? { target: { id, agentAddr }, checkPort: channel.checkPort }
        : null;
    const declared = all.flatMap(({ id: tunnelId, speaks }) =>
      speaks === null ? [] : [{ service: serviceNames.tunnel(tunnelId), speaks }],
    );
    return { id, name, status: status!, agent, declared, ...looked };
  }
}

const rank = ({ state }: Tunnel): number => (state === 'failed' ? 0 : state === 'pending' ? 1 : 2);
