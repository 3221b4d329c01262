import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, In, IsNull, LessThan, Not, Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { type AgentReport, Machine, MachineNotFoundError } from '@gopher/machine';
import { parseClient, type RatholeClientConfig } from '@gopher/rathole';
import { SecretBox } from '../secret/secret-box.js';
import { MachineRevision, type RevisionTunnel } from './machine-revision.entity.js';
import { withoutSecrets } from './redaction.js';
import { causeOf, classOf } from './revision-content.js';
import { type Settlement, settlement } from './settlement.js';

/** What a machine's data client should run, and the tunnels that it was derived from. */
export interface DerivedConfig {
  toml: string;
  /** Over the UTF-8 bytes of `toml`, lower-case hex. */
  sha256: string;
  tunnels: RevisionTunnel[];
}

/** What a machine runs, or fetched last, as far as is known. */
export interface RevisionInForce {
  number: number;
  sha256: string;
  /** null: its content was not kept. */
  config: RatholeClientConfig | null;
}

/** Without an agent this is all that will ever be known of a revision. */
const FETCHED = 'fetched; without an agent it is not known whether it runs';

const UNKNOWN = 'something changed; what was there before was not kept';

/** As the column has it. */
const HIGHEST_NUMBER = 2 ** 31 - 1;

const OPEN = { outcome: In(['pending', 'applying']), settledAt: IsNull() };
/** What was taken, or fetched by hand. */
export const IN_FORCE = `("outcome" = 'applied' OR ("outcome" = 'pending' AND "settled_at" IS NOT NULL))`;

interface Placing {
  cause: string | null;
  outcome: 'pending' | 'applying' | 'applied';
  reason?: string;
  settled?: boolean;
  /** The number has to be higher. */
  above: number;
}

/** The numbered configurations of machines. The one writer of their table. */
@Injectable()
export class Revisions {
  constructor(
    @InjectRepository(MachineRevision) private readonly rows: Repository<MachineRevision>,
    private readonly box: SecretBox,
  ) {}

  async inForce(
    machineIds: readonly string[],
    tx: EntityManager = this.rows.manager,
  ): Promise<Map<string, RevisionInForce>> {
    const found = await tx
      .createQueryBuilder(MachineRevision, 'r')
      .distinctOn(['r.machineId'])
      .where('r.machineId = ANY (:machineIds)', { machineIds })
      .andWhere(IN_FORCE)
      .orderBy({ 'r.machineId': 'ASC', 'r.number': 'DESC' })
      .getMany();
    return new Map(
      found.map((row) => [
        row.machineId,
        { number: row.number, sha256: row.sha256, config: this.configOf(row) },
      ]),
    );
  }

  /** The number under which `derived` is to be pushed now; whatever else was on its way is not. */
  push(
    machineId: string,
    derived: DerivedConfig,
    { cause, above }: { cause: string | null; above: number },
  ): Promise<number> {
    return this.rows.manager.transaction(async (tx) => {
      const placing: Placing = { cause, outcome: 'applying', above };
      return (await this.place(tx, machineId, derived, placing)).number;
    });
  }

  /** The number under which an enrolment hands out `derived`. @throws MachineNotFoundError */
  enrol(machineId: string, derived: DerivedConfig, above: number): Promise<number> {
    return this.rows.manager.transaction(async (tx) => {
      const current = (await this.inForce([machineId], tx)).get(machineId);
      if (current?.sha256 === derived.sha256 && current.number >= above) return current.number;
      const placing: Placing = { cause: 'enrolment', outcome: 'pending', above: above - 1 };
      return (await this.place(tx, machineId, derived, placing)).number;
    });
  }

  /** A machine without an agent fetches `derived` in this transaction. */
  async fetch(tx: EntityManager, machineId: string, derived: DerivedConfig): Promise<void> {
    await this.lock(tx, machineId);
    const current = (await this.inForce([machineId], tx)).get(machineId);
    if (current?.sha256 === derived.sha256) return;
    const placing: Placing = {
      cause: null,
      outcome: 'pending',
      reason: FETCHED,
      settled: true,
      above: 0,
    };
    await this.place(tx, machineId, derived, placing);
  }

  /** Made by a person's order, and brought about later; what is in force already is no new one. */
  async propose(
    tx: EntityManager,
    machineId: string,
    derived: DerivedConfig,
    cause: string,
  ): Promise<MachineRevision> {
    const current = (await this.inForce([machineId], tx)).get(machineId);
    if (current?.sha256 === derived.sha256) {
      return tx.findOneByOrFail(MachineRevision, { machineId, number: current.number });
    }
    return this.place(tx, machineId, derived, { cause, outcome: 'pending', above: 0 });
  }

  /** The machine has what is wanted: what was made before `before` is no longer on its way. */
  async drop(machineId: string, before: Date): Promise<void> {
    await this.rows.update(
      { machineId, ...OPEN, createdAt: LessThan(before) },
      {
        outcome: 'superseded',
        reason: 'What the machine has was wanted again',
        settledAt: new Date(),
      },
    );
  }

  /** The machine turned out to have `derived` under this number, which may not be known here. */
  async found(
    machineId: string,
    derived: DerivedConfig,
    { number, confirmed }: { number: number; confirmed: boolean },
  ): Promise<void> {
    const known = await this.rows.findOneBy({ machineId, number });
    if (known && known.sha256 !== derived.sha256) return;
    if (!known) {
      await this.rows.manager.transaction(async (tx) => {
        await this.lock(tx, machineId);
        await this.insert(tx, machineId, number, derived, {
          cause: 'found on the machine',
          outcome: confirmed ? 'applied' : 'applying',
          settled: confirmed,
          above: 0,
        });
      });
      return;
    }
    if (known.contentSealed === null) await this.rows.update({ id: known.id }, this.kept(derived));
    if (confirmed && known.outcome !== 'applied') {
      await this.settle(machineId, number, { outcome: 'applied', reason: null });
    }
  }

  async settle(
    machineId: string,
    number: number,
    { outcome, reason }: Settlement,
    toml = '',
  ): Promise<void> {
    const said = reason === null ? null : withoutSecrets(reason, toml);
    await this.rows.update(
      { machineId, number },
      { outcome, reason: said, settledAt: outcome === 'applying' ? null : new Date() },
    );
  }

  /** Settles what the report of an agent says something of. */
  async settleBy(machineId: string, report: AgentReport): Promise<void> {
    for (const row of await this.rows.findBy({ machineId, ...OPEN })) {
      const settled = settlement(row, report);
      if (settled) await this.settle(machineId, row.number, settled, this.contentOf(row) ?? '');
    }
  }

  /** null: it was not kept. */
  contentOf({ contentSealed }: Pick<MachineRevision, 'contentSealed'>): string | null {
    return contentSealed === null ? null : this.box.open(contentSealed);
  }

  /**
   * Until the transaction ends nobody else numbers a revision of this machine, makes a tunnel for it
   * or removes it. @throws MachineNotFoundError
   */
  async lock(tx: EntityManager, machineId: string): Promise<void> {
    const lock = { mode: 'pessimistic_write' } as const;
    const found = await tx.findOne(Machine, {
      where: { id: machineId },
      select: { id: true },
      lock,
    });
    if (!found) throw new MachineNotFoundError(machineId);
  }

  /** The newest one when it has this content and nobody has had it yet; a new one otherwise. */
  private async place(
    tx: EntityManager,
    machineId: string,
    derived: DerivedConfig,
    placing: Placing,
  ): Promise<MachineRevision> {
    await this.lock(tx, machineId);
    const newest = await tx.findOne(MachineRevision, {
      where: { machineId },
      order: { number: 'DESC' },
    });
    const isOpen = newest?.settledAt === null;
    if (newest && isOpen && newest.sha256 === derived.sha256 && newest.number > placing.above) {
      return this.replace(tx, newest, placing);
    }
    const number = Math.max(newest?.number ?? 0, placing.above) + 1;
    if (number > HIGHEST_NUMBER) throw new Error(`There is no revision after ${number - 1}`);
    const row = await this.insert(tx, machineId, number, derived, placing);
    if (isOpen) await this.supersede(tx, row);
    return row;
  }

  private async replace(tx: EntityManager, row: MachineRevision, placing: Placing) {
    const { outcome, reason = null, settled = false } = placing;
    const changes = { outcome, reason, settledAt: settled ? new Date() : null };
    if (outcome !== row.outcome || settled) {
      await tx.update(MachineRevision, { id: row.id }, changes);
    }
    return Object.assign(row, changes);
  }

  private async supersede(tx: EntityManager, { id, machineId, number }: MachineRevision) {
    await tx.update(
      MachineRevision,
      { machineId, ...OPEN, id: Not(id) },
      { outcome: 'superseded', reason: `Revision ${number} came after it`, settledAt: new Date() },
    );
  }

  private async insert(
    tx: EntityManager,
    machineId: string,
    number: number,
    derived: DerivedConfig,
    { cause, outcome, reason, settled }: Placing,
  ): Promise<MachineRevision> {
    const before = (await this.inForce([machineId], tx)).get(machineId);
    const config = parseClient(derived.toml);
    const row = tx.create(MachineRevision, {
      id: uuidv7(),
      machineId,
      number,
      sha256: derived.sha256,
      ...this.kept(derived),
      class: classOf(before?.config ?? null, config),
      cause: cause ?? (before?.config === null ? UNKNOWN : causeOf(before?.config ?? null, config)),
      outcome,
      reason: reason ?? null,
      settledAt: settled ? new Date() : null,
    });
    await tx.insert(MachineRevision, row);
    return row;
  }

  private kept({ toml, tunnels }: DerivedConfig) {
    return { contentSealed: this.box.seal(toml), tunnels };
  }

  private configOf(row: MachineRevision): RatholeClientConfig | null {
    const toml = this.contentOf(row);
    return toml === null ? null : parseClient(toml);
  }
}
