import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import { MachineService } from '@gopher/machine';
import { parseClient } from '@gopher/rathole';
import { MachineRevision } from './machine-revision.entity.js';
import { redacted } from './redaction.js';
import { classOf, serviceChanges } from './revision-content.js';
import { RevisionNotFoundError, RevisionNotKeptError } from './revision.errors.js';
import { type RevisionDiff, toChangeViews } from './revision.schema.js';
import { Revisions } from './revisions.js';
import { unifiedDiff } from './unified-diff.js';

/** What a machine's configurations were. */
@Injectable()
export class RevisionHistory {
  constructor(
    @InjectRepository(MachineRevision) private readonly rows: Repository<MachineRevision>,
    private readonly machines: MachineService,
    private readonly revisions: Revisions,
  ) {}

  /** Newest first, after the one with the id `after`. @throws MachineNotFoundError */
  async list(
    machineId: string,
    { after, limit }: { after: string | null; limit: number },
  ): Promise<MachineRevision[]> {
    await this.machines.get(machineId);
    const last = after === null ? null : await this.rows.findOneBy({ id: after, machineId });
    // One that was removed meanwhile was the oldest.
    if (after !== null && !last) return [];
    return this.rows.find({
      where: { machineId, ...(last ? { number: LessThan(last.number) } : {}) },
      order: { number: 'DESC' },
      take: limit,
    });
  }

  /** @throws MachineNotFoundError, RevisionNotFoundError */
  async get(machineId: string, number: number): Promise<MachineRevision> {
    await this.machines.get(machineId);
    const row = await this.rows.findOneBy({ machineId, number });
    if (!row) throw new RevisionNotFoundError(machineId, number);
    return row;
  }

  /** @throws RevisionNotFoundError when it was removed */
  async byId(machineId: string, id: string): Promise<MachineRevision> {
    const row = await this.rows.findOneBy({ machineId, id });
    if (!row) throw new RevisionNotFoundError(machineId, 0);
    return row;
  }

  /** null: there is none before it. */
  before({ machineId, number }: MachineRevision): Promise<MachineRevision | null> {
    return this.rows.findOne({
      where: { machineId, number: LessThan(number) },
      order: { number: 'DESC' },
    });
  }

  /** @throws RevisionNotKeptError */
  contentOf(row: MachineRevision): string {
    const toml = this.revisions.contentOf(row);
    if (toml === null) throw new RevisionNotKeptError(row.number);
    return toml;
  }

  /** From `from`, or from nothing, to `to`. @throws RevisionNotKeptError */
  diff(from: MachineRevision | null, to: MachineRevision): RevisionDiff {
    const [before, after] = [from && this.contentOf(from), this.contentOf(to)];
    const [was, is] = [before === null ? null : parseClient(before), parseClient(after)];
    return {
      from: from?.number ?? null,
      to: to.number,
      class: classOf(was, is),
      services: toChangeViews(serviceChanges(was, is)),
      text: unifiedDiff(redacted(before ?? ''), redacted(after), [
        from ? `revision ${from.number}` : 'nothing',
        `revision ${to.number}`,
      ]),
    };
  }
}
