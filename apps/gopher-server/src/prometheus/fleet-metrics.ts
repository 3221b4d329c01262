import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import {
  AGENT_STATUSES,
  EdgeId,
  EdgeView,
  HEALTHS,
  MachineService,
  type MachineStatus,
} from '@gopher/machine';
import { Tunnel, TUNNEL_STATES } from '../tunnel/tunnel.entity.js';
import { toTunnelView, type TunnelView } from '../tunnel/tunnel.schema.js';
import { Collector, MetricsRegistry } from './collector.js';

/** An edge is not made for more. */
const MAX_READ = 10_000;
/** So many machines, and so many tunnels, have series of their own: the oldest. */
const MAX_SERIES = 1_000;

/** Machines and tunnels, as the API shows them. */
@Injectable()
export class FleetMetrics extends Collector {
  readonly name = 'fleet';

  private readonly machines = this.gauge('gopher_machines', 'Machines by health', ['health']);
  private readonly agents = this.gauge(
    'gopher_agents',
    'Machines by the status of their agent; none: it has no agent',
    ['status'],
  );
  private readonly tunnels = this.gauge('gopher_tunnels', 'Tunnels by state', ['state']);
  private readonly machineHealthy = this.gauge(
    'gopher_machine_healthy',
    '1: the machine is healthy; 0: it is degraded, down or unknown',
    ['machine'],
  );
  private readonly agentUp = this.gauge(
    'gopher_agent_up',
    '1: the agent of the machine answers; 0: it does not, or just missed to',
    ['machine'],
  );
  private readonly tunnelUp = this.gauge(
    'gopher_tunnel_up',
    '1: the tunnel is active; 0: it is pending or failed',
    ['tunnel', 'machine'],
  );
  private readonly omitted = this.gauge(
    'gopher_series_omitted',
    'Machines and tunnels that are counted, but are too many to have series of their own',
    ['of'],
  );

  constructor(
    registry: MetricsRegistry,
    private readonly service: MachineService,
    private readonly view: EdgeView,
    @InjectRepository(Tunnel) private readonly repository: Repository<Tunnel>,
    private readonly edge: EdgeId,
  ) {
    super(registry);
  }

  async collect(): Promise<void> {
    const machines = await this.service.list({ after: null, limit: MAX_READ });
    const statuses = await this.service.statuses(machines);
    const found = await this.repository.find({
      where: { edgeId: this.edge.value },
      order: { id: 'ASC' },
      take: MAX_READ,
    });
    const tunnels = found.map((tunnel) =>
      toTunnelView(tunnel, this.view.dataPath(tunnel.machineId)),
    );
    this.forget();
    this.showMachines(statuses);
    this.showTunnels(tunnels);
    this.omitted.set({ of: 'machines' }, Math.max(0, statuses.length - MAX_SERIES));
    this.omitted.set({ of: 'tunnels' }, Math.max(0, tunnels.length - MAX_SERIES));
  }

  private showMachines(statuses: readonly MachineStatus[]): void {
    for (const health of HEALTHS) this.machines.set({ health }, 0);
    for (const status of [...AGENT_STATUSES, 'none']) this.agents.set({ status }, 0);
    for (const { health, agent } of statuses) {
      this.machines.inc({ health });
      this.agents.inc({ status: agent?.status ?? 'none' });
    }
    for (const { machineId: machine, health, agent } of statuses.slice(0, MAX_SERIES)) {
      this.machineHealthy.set({ machine }, Number(health === 'healthy'));
      if (agent) this.agentUp.set({ machine }, Number(agent.status === 'up'));
    }
  }

  private showTunnels(tunnels: readonly TunnelView[]): void {
    for (const state of TUNNEL_STATES) this.tunnels.set({ state }, 0);
    for (const { state } of tunnels) this.tunnels.inc({ state });
    for (const { id, machineId, state } of tunnels.slice(0, MAX_SERIES)) {
      this.tunnelUp.set({ tunnel: id, machine: machineId }, Number(state === 'active'));
    }
  }
}
