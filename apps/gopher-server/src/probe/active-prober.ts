import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { forEachLimit } from '@gopher/machine';
import type { Tunnel } from '../tunnel/tunnel.entity.js';
import { EdgeSight, type Seen } from './edge-sight.js';
import { type MachineFindings, MachineLook } from './machine-look.js';
import { legsOf, type Probe, totalOf } from './probe.js';
import { ProbeLog } from './probe-log.js';
import { ProbeTurns } from './probe-turns.js';
import { probeVerdict } from './probe-verdict.js';
import { Suspects } from './suspects.js';
import { visitTunnel } from './visit-tunnel.js';

const TICK_MS = 1_000;
const VISITS_PER_MACHINE = 8;

/**
 * Probes the tunnels that are up, again and again. One that is declared to speak something is visited
 * as a visitor would; of another the agent and the kernel are asked: a service may count visitors
 * that say nothing as an attack.
 */
@Injectable()
export class ActiveProber {
  private readonly logger = new Logger(ActiveProber.name);
  private ticking = false;
  /** Probes that are over, and not written down yet. */
  private over: { tunnelId: string; failed: boolean }[] = [];

  constructor(
    private readonly turns: ProbeTurns,
    private readonly sight: EdgeSight,
    private readonly machines: MachineLook,
    private readonly suspects: Suspects,
    private readonly log: ProbeLog,
  ) {}

  /** Begins those whose turn it is; they end in their own time. */
  @Interval(TICK_MS)
  async tick(): Promise<void> {
    if (this.ticking) return;
    this.ticking = true;
    try {
      await this.writeDown();
      await this.begin(await this.turns.next());
    } catch (error) {
      this.logger.warn(`Tunnels that are up could not be probed: ${String(error)}`);
    } finally {
      this.ticking = false;
    }
  }

  /** A tunnel's turn is over when it is written down that it was. */
  private async writeDown(): Promise<void> {
    const { over } = this;
    this.over = [];
    try {
      await this.log.flush();
    } finally {
      for (const { tunnelId, failed } of over) this.turns.end(tunnelId, failed);
    }
  }

  private async begin(tunnels: readonly Tunnel[]): Promise<void> {
    if (tunnels.length === 0) return;
    try {
      const seen = await this.sight.of(tunnels);
      const byMachine = Map.groupBy(tunnels, ({ machineId }) => machineId);
      for (const [machineId, its] of byMachine) void this.round(machineId, its, seen);
    } catch (error) {
      for (const { id } of tunnels) this.turns.end(id, true);
      throw error;
    }
  }

  /** Rejects never. */
  private async round(machineId: string, tunnels: readonly Tunnel[], seen: Seen): Promise<void> {
    const failed = new Set(tunnels.map(({ id }) => id));
    try {
      const findings = await this.machines.at(machineId, tunnels);
      await forEachLimit(tunnels, VISITS_PER_MACHINE, async (tunnel) => {
        const probe = await this.probe(tunnel, findings, seen);
        if (probe.result.outcome !== 'failed') failed.delete(tunnel.id);
        this.log.note(probe);
        await this.suspects.hear(tunnel, probe.result);
      });
    } catch (error) {
      this.logger.warn(`Machine ${machineId} could not be probed: ${String(error)}`);
    }
    for (const { id } of tunnels) this.over.push({ tunnelId: id, failed: failed.has(id) });
  }

  private async probe(tunnel: Tunnel, found: MachineFindings, seen: Seen): Promise<Probe> {
    const { id, machineId, version, speaks } = tunnel;
    const visit = speaks === null ? null : await visitTunnel(tunnel);
    const target = found.targets.get(id) ?? null;
    const { dataPath, roundTripMs } = found;
    const result = probeVerdict(tunnel, { visit, dataPath, target, ...seen.of(tunnel) });
    const at = new Date();
    const legs = legsOf(target, roundTripMs);
    return { tunnelId: id, machineId, version, at, result, legs, totalMs: totalOf(visit) };
  }
}
