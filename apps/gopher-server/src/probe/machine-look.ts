import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { Application as Spoken } from '@gopher/diagnosis';
import { type AgentTarget, AgentUnreachableError, MachineService } from '@gopher/machine';
import { Application, type TargetCheck } from '@gopher/proto';
import { serviceNames } from '../edge/edge-files.js';
import { BackChannel } from '../enrolment/back-channel.entity.js';
import { measureRoundTrip } from '../machine/echo.js';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import { AgentTargets } from './agent-targets.js';
import type { DataPathFinding } from './probe-verdict.js';

const ECHO_TIMEOUT_MS = 3_000;

const APPLICATIONS: Record<Spoken, Application> = {
  http: Application.HTTP,
  tls: Application.TLS,
  banner: Application.BANNER,
};

/** What was found of a machine, and of targets of its tunnels, by tunnel. */
export interface MachineFindings {
  dataPath: DataPathFinding;
  /** null: not measured. */
  roundTripMs: number | null;
  targets: ReadonlyMap<string, TargetCheck>;
}

interface Asked {
  /** By tunnel; empty when the agent is older than to say. */
  targets: ReadonlyMap<string, TargetCheck>;
  /** Why it does not answer; null: it does. */
  silence: string | null;
}

/** Looks at a machine from the edge, and has its agent look at the targets. */
@Injectable()
export class MachineLook {
  constructor(
    private readonly machines: MachineService,
    @InjectRepository(BackChannel) private readonly channels: Repository<BackChannel>,
    private readonly agents: AgentTargets,
  ) {}

  /** At one machine and some of its tunnels. Rejects when the machine is gone, or the database. */
  async at(machineId: string, tunnels: readonly Tunnel[]): Promise<MachineFindings> {
    const { agentAddr } = await this.machines.get(machineId);
    const channel = agentAddr === null ? null : await this.channels.findOneBy({ machineId });
    if (agentAddr === null || !channel) {
      const why = 'The machine has no agent, and no visitor got bytes since the last probe';
      return { dataPath: { state: 'unknown', why }, roundTripMs: null, targets: new Map() };
    }
    const echoed = await measureRoundTrip(channel.checkPort, ECHO_TIMEOUT_MS);
    const { targets, silence } = await this.ask({ id: machineId, agentAddr }, tunnels);
    if (echoed.problem === null) {
      return { dataPath: { state: 'serves' }, roundTripMs: echoed.roundTripMs, targets };
    }
    const { closed, detail } = echoed.problem;
    // It is the agent who echoes: when it is gone, this is how a client that serves ends a visit.
    const dataPath: DataPathFinding =
      closed && silence !== null ? { state: 'unknown', why: silence } : { state: 'broken', detail };
    return { dataPath, roundTripMs: null, targets };
  }

  /** What the agent finds of the targets of these tunnels. */
  async ask(agent: AgentTarget, tunnels: readonly Tunnel[]): Promise<Asked> {
    const asked = tunnels.filter(({ protocol }) => protocol === 'tcp');
    const byService = new Map(asked.map(({ id }) => [serviceNames.tunnel(id), id]));
    const expected = asked.map(({ id, speaks }) => ({
      service: serviceNames.tunnel(id),
      application: speaks === null ? Application.UNSPECIFIED : APPLICATIONS[speaks],
    }));
    try {
      const checks = (await this.agents.check(agent, expected)) ?? [];
      const found = checks.flatMap((check) => {
        const id = byService.get(check.service);
        return id === undefined ? [] : [[id, check] as const];
      });
      return { targets: new Map(found), silence: null };
    } catch (error) {
      if (!(error instanceof AgentUnreachableError)) throw error;
      return { targets: new Map(), silence: 'The agent does not answer, who could look' };
    }
  }
}
