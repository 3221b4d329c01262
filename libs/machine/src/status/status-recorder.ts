import { Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { AgentTarget } from '../agent/agent-client.js';
import type { AgentReport } from '../agent/agent-report.js';
import type { AgentStatus } from '../agent/agent-status.js';
import { EdgeId } from '../edge-id.js';
import { Machine } from '../machine.entity.js';
import { MachineEvents } from './machine-events.js';
import { RECORD_OBSERVATIONS } from './record-observations.sql.js';

/** One look at an agent. `at` is the edge's clock when the look ended; it orders observations. */
export type AgentObservation =
  | { target: AgentTarget; at: Date; report: AgentReport }
  | { target: AgentTarget; at: Date; silence: string };

/** A report that says nothing new is written at most this often; in between it is kept in memory. */
const WRITE_INTERVAL_MS = 30_000;

interface Recorded {
  id: string;
  before: AgentStatus;
  after: AgentStatus;
}

interface Waiting {
  observation: AgentObservation;
  done: () => void;
  failed: (error: unknown) => void;
}

/**
 * The one writer of an agent's status. Whoever observes an agent, stream or sweep, hands the
 * observation in here; what arrives while a write is under way goes into the next one.
 */
@Injectable()
export class StatusRecorder {
  private readonly logger = new Logger(StatusRecorder.name);
  private readonly latest = new Map<string, { at: Date; addr: string; report: AgentReport }>();
  private readonly written = new Map<string, { at: Date; addr: string; gist: string }>();
  private waiting: Waiting[] = [];
  private writing = false;

  constructor(
    @InjectRepository(Machine) private readonly machines: Repository<Machine>,
    private readonly events: MachineEvents,
    private readonly edge: EdgeId,
  ) {}

  /** Resolves once the observation counts; rejects when the database did not take it. */
  async record(observation: AgentObservation): Promise<void> {
    const { target, at } = observation;
    if ('report' in observation) {
      const { report } = observation;
      const known = this.latest.get(target.id);
      if (!known || known.at <= at || known.addr !== target.agentAddr) {
        this.latest.set(target.id, { at, addr: target.agentAddr, report });
      }
      this.events.report.next({ target, report });
      if (this.saysNothingNew(target, at, report)) return;
    } else {
      this.written.delete(target.id);
    }
    await new Promise<void>((done, failed) => {
      this.waiting.push({ observation, done, failed });
      if (!this.writing) void this.write();
    });
  }

  /** The machine with its newest report, which may not have been written yet. */
  withLatest(machine: Machine): Machine {
    const latest = this.latest.get(machine.id);
    if (!latest || latest.addr !== machine.agentAddr) return machine;
    if (machine.agentReportedAt && machine.agentReportedAt >= latest.at) return machine;
    const observedAt = later(machine.agentObservedAt, latest.at);
    return Object.assign(Object.create(Machine.prototype) as Machine, machine, {
      agentReport: latest.report,
      agentReportedAt: latest.at,
      agentObservedAt: observedAt,
    });
  }

  forget(machineId: string): void {
    this.latest.delete(machineId);
    this.written.delete(machineId);
  }

  private saysNothingNew(target: AgentTarget, at: Date, report: AgentReport): boolean {
    const written = this.written.get(target.id);
    return (
      written?.addr === target.agentAddr &&
      at.getTime() - written.at.getTime() < WRITE_INTERVAL_MS &&
      written.gist === gist(report)
    );
  }

  private async write(): Promise<void> {
    this.writing = true;
    while (this.waiting.length > 0) {
      const batch = newestPerMachine(this.waiting);
      const taken = this.waiting;
      this.waiting = [];
      try {
        this.announce(batch, await this.update(batch));
        for (const { done } of taken) done();
      } catch (error) {
        for (const { failed } of taken) failed(error);
      }
    }
    this.writing = false;
  }

  private async update(batch: AgentObservation[]): Promise<Recorded[]> {
    const rows = batch.map((observation) => ({
      id: observation.target.id,
      addr: observation.target.agentAddr,
      at: observation.at,
      report: 'report' in observation ? observation.report : null,
    }));
    const [recorded] = await this.machines.query<[Recorded[], number]>(RECORD_OBSERVATIONS, [
      JSON.stringify(rows),
      this.edge.value,
    ]);
    return recorded;
  }

  private announce(batch: AgentObservation[], recorded: Recorded[]): void {
    const observations = new Map(batch.map((observation) => [observation.target.id, observation]));
    // What arrived during the write may undo it: only what was written last is known to stand.
    const followed = new Set(this.waiting.map(({ observation }) => observation.target.id));
    for (const { id, before, after } of recorded) {
      const observation = observations.get(id);
      if (!observation) continue;
      if ('report' in observation && !followed.has(id)) {
        const { at, target, report } = observation;
        this.written.set(id, { at, addr: target.agentAddr, gist: gist(report) });
      }
      this.events.changed.next({ machineId: id });
      if (before === after) continue;
      const reason = 'silence' in observation ? observation.silence : 'The agent answered';
      this.logger.log(`Agent of machine ${id}: ${before} → ${after}. ${reason}`);
      const { at } = observation;
      this.events.agentStatus.next({ machineId: id, from: before, to: after, at, reason });
    }
  }
}

/** Of several observations of one machine only the newest can decide; silence still counts once. */
function newestPerMachine(waiting: readonly Waiting[]): AgentObservation[] {
  const newest = new Map<string, AgentObservation>();
  for (const { observation } of waiting) {
    const known = newest.get(observation.target.id);
    if (!known || known.at <= observation.at) newest.set(observation.target.id, observation);
  }
  return [...newest.values()];
}

/** What makes one report differ from another for anyone who acts on it; not the figures. */
function gist({ system: _figures, ...report }: AgentReport): string {
  return JSON.stringify(report);
}

const later = (a: Date | null, b: Date): Date => (a && a > b ? a : b);
