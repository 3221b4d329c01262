import { Injectable } from '@nestjs/common';
import type { Check } from '@gopher/diagnosis';
import { EdgeIdentity } from '../edge/edge-identity.js';
import { serviceNames } from '../edge/edge-files.js';
import type { Diagnosis } from './diagnosis.schema.js';
import { EdgeChecks } from './edge-checks.js';
import { type ExaminedMachine, ExaminedMachines } from './examined-machine.js';
import { reportOf } from './report.js';
import { runChecks } from './run-checks.js';
import { SharedRuns } from './shared-runs.js';

/**
 * What is wrong, and with which leg. It looks for itself, and tells nobody but who asked: how a
 * machine is, the status funnel alone answers.
 */
@Injectable()
export class DiagnosisService {
  private readonly reports = new SharedRuns<Diagnosis>();
  private readonly ofEdge = new SharedRuns<Check[]>();
  private readonly ofAgents = new SharedRuns<Check[]>();

  constructor(
    private readonly checks: EdgeChecks,
    private readonly machines: ExaminedMachines,
    private readonly identity: EdgeIdentity,
  ) {}

  edge(): Promise<Diagnosis> {
    const { value: id, name } = this.identity;
    return this.reports.get('edge', async () => {
      const began = performance.now();
      return reportOf({ kind: 'edge', id, name }, await this.lookAtEdge(), began);
    });
  }

  /** @throws MachineNotFoundError, TooManyDiagnosesError */
  machine(id: string): Promise<Diagnosis> {
    return this.reports.get(`machine ${id}`, async () => {
      const began = performance.now();
      const machine = await this.machines.machine(id);
      const checks = await this.lookAt(machine);
      return reportOf({ kind: 'machine', id, name: machine.name }, checks, began);
    });
  }

  /** @throws TunnelNotFoundError, TooManyDiagnosesError */
  tunnel(id: string): Promise<Diagnosis> {
    return this.reports.get(`tunnel ${id}`, async () => {
      const began = performance.now();
      const { tunnel, machine } = await this.machines.ofTunnel(id);
      const checks = (await this.lookAt(machine)).filter(concerns(serviceNames.tunnel(id)));
      return reportOf({ kind: 'tunnel', id, name: tunnel.target }, checks, began);
    });
  }

  private async lookAt(machine: ExaminedMachine): Promise<Check[]> {
    const all = await Promise.all([
      this.lookAtEdge(),
      this.ofAgents.get(machine.id, () => runChecks(this.checks.machine, machine)),
      runChecks(this.checks.tunnel, machine),
    ]);
    return all.flat();
  }

  private lookAtEdge(): Promise<Check[]> {
    return this.ofEdge.get('edge', () => runChecks(this.checks.edge, undefined));
  }
}

/** What is said of other tunnels does not belong here. */
const concerns = (service: string) => (check: Check) =>
  check.subject === service || !check.subject?.startsWith(serviceNames.tunnel(''));
