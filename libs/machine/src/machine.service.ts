import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, In, IsNull, MoreThan, Not, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { AgentTarget } from './agent/agent-client.js';
import { EdgeId } from './edge-id.js';
import { Machine } from './machine.entity.js';
import {
  MachineChangedError,
  MachineNameTakenError,
  MachineNotFoundError,
} from './machine.errors.js';
import { EdgeView } from './status/edge-view.js';
import { deriveStatus, type MachineStatus, NO_TUNNELS } from './status/machine-status.js';
import { StatusRecorder } from './status/status-recorder.js';
import { violates } from './unique-violation.js';

/** A machine that has an agent. */
export type MachineWithAgent = Machine & { agentAddr: string };

@Injectable()
export class MachineService {
  constructor(
    @InjectRepository(Machine) private readonly machines: Repository<Machine>,
    private readonly recorder: StatusRecorder,
    private readonly view: EdgeView,
    private readonly edge: EdgeId,
  ) {}

  /** @throws MachineNameTakenError */
  async create(
    input: { name: string },
    tx: EntityManager = this.machines.manager,
  ): Promise<Machine> {
    const id = uuidv7();
    const { raw } = await tx
      .createQueryBuilder()
      .insert()
      .into(Machine)
      .values({ id, edgeId: this.edge.value, name: input.name })
      .orIgnore()
      .returning('id')
      .execute();
    if ((raw as unknown[]).length === 0) throw new MachineNameTakenError(input.name);
    return tx.findOneByOrFail(Machine, { id });
  }

  /** @throws MachineNotFoundError */
  async get(id: string, tx: EntityManager = this.machines.manager): Promise<Machine> {
    const machine = await tx.findOneBy(Machine, { id, edgeId: this.edge.value });
    if (!machine) throw new MachineNotFoundError(id);
    return machine;
  }

  /** As `get`; nobody can remove the machine until the transaction ends. @throws MachineNotFoundError */
  async hold(id: string, tx: EntityManager): Promise<Machine> {
    const machine = await tx.findOne(Machine, {
      where: { id, edgeId: this.edge.value },
      lock: { mode: 'for_key_share' },
    });
    if (!machine) throw new MachineNotFoundError(id);
    return machine;
  }

  /** In the order of creation, after `cursor`. */
  list(page: { after: string | null; limit: number }): Promise<Machine[]> {
    return this.machines.find({
      where: { edgeId: this.edge.value, ...(page.after ? { id: MoreThan(page.after) } : {}) },
      order: { id: 'ASC' },
      take: page.limit,
    });
  }

  async listWithAgent(): Promise<MachineWithAgent[]> {
    const machines = await this.machines.findBy({
      edgeId: this.edge.value,
      agentAddr: Not(IsNull()),
    });
    return machines as MachineWithAgent[];
  }

  /** @throws MachineNotFoundError, MachineNameTakenError, MachineChangedError */
  async rename(id: string, name: string, expectedVersion: number | null): Promise<Machine> {
    await this.get(id);
    const ifVersion = expectedVersion === null ? {} : { version: expectedVersion };
    const { affected } = await this.machines
      .update({ id, ...ifVersion }, { name, version: () => '"version" + 1' })
      .catch((error: unknown) => {
        throw violates(error, 'machine_edge_id_name_key') ? new MachineNameTakenError(name) : error;
      });
    if (affected === 0) throw new MachineChangedError(id);
    return this.get(id);
  }

  /** @throws MachineNotFoundError */
  async remove(id: string, tx: EntityManager = this.machines.manager): Promise<Machine> {
    const machine = await this.get(id, tx);
    await tx.delete(Machine, { id });
    this.recorder.forget(id);
    return machine;
  }

  /** The machine has an agent from here on. For enrolment alone. */
  async attachAgent(target: AgentTarget, tx: EntityManager): Promise<void> {
    await tx.update(
      Machine,
      { id: target.id, agentAddr: IsNull() },
      { agentAddr: target.agentAddr, agentStatus: 'unknown' },
    );
    await tx.update(Machine, { id: target.id }, { agentAddr: target.agentAddr });
  }

  /** Its agent is reached elsewhere from here on. For a confirmed move of its control client alone. */
  async moveAgent(target: AgentTarget, tx: EntityManager): Promise<void> {
    await tx.update(Machine, { id: target.id }, { agentAddr: target.agentAddr });
  }

  /** The machine has no agent from here on. For enrolment alone. */
  async detachAgent(id: string, tx: EntityManager): Promise<void> {
    await tx.update(
      Machine,
      { id },
      {
        agentAddr: null,
        agentStatus: null,
        agentObservedAt: null,
        agentMisses: 0,
        agentReport: null,
        agentReportedAt: null,
      },
    );
    this.recorder.forget(id);
  }

  /**
   * How a machine is. The only place that answers this: API, events, sweep and metrics read it here.
   * @throws MachineNotFoundError
   */
  async status(id: string): Promise<MachineStatus> {
    const [status] = await this.statuses([await this.get(id)]);
    return status!;
  }

  /** As `status`, for machines that were read already; in their order. */
  async statuses(machines: readonly Machine[]): Promise<MachineStatus[]> {
    const tunnels = await this.view.tunnels(machines.map(({ id }) => id));
    return machines.map((machine) =>
      deriveStatus({
        machine: this.recorder.withLatest(machine),
        tunnels: tunnels.get(machine.id) ?? NO_TUNNELS,
        metrics: this.view.metrics(machine.id),
        dataPath: this.view.dataPath(machine.id),
        revision: this.view.revision(machine.id),
        controlProblem: this.view.controlProblem(machine.id),
      }),
    );
  }

  /** Of the machines that exist, those among `ids`. */
  findByIds(ids: readonly string[]): Promise<Machine[]> {
    return this.machines.findBy({ id: In([...ids]), edgeId: this.edge.value });
  }
}
