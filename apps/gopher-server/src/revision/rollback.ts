import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { parseClient } from '@gopher/rathole';
import { serviceNames } from '../edge/edge-files.js';
import { Reconciler } from '../edge/reconciler.js';
import { Idempotency } from '../http/idempotency.js';
import { PortTakenError } from '../tunnel/tunnel.errors.js';
import { type RestoredTunnel, TunnelRestore } from '../tunnel/tunnel-restore.js';
import type { MachineRevision } from './machine-revision.entity.js';
import { classOf, serviceChanges } from './revision-content.js';
import { RevisionHistory } from './revision-history.js';
import {
  RevisionNotKeptError,
  RollbackBlockedError,
  RollbackNeedlessError,
} from './revision.errors.js';
import { type RollbackView, toChangeViews } from './revision.schema.js';
import { Revisions } from './revisions.js';

type Changes = Pick<RollbackView, 'class' | 'services'>;

interface BroughtBack {
  row: MachineRevision;
  changes: Changes;
}

/** Brings a machine's tunnels back to what they were in an earlier revision; all of it, or nothing. */
@Injectable()
export class Rollback {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly history: RevisionHistory,
    private readonly revisions: Revisions,
    private readonly restore: TunnelRestore,
    private readonly reconciler: Reconciler,
    private readonly idempotency: Idempotency,
  ) {}

  /** Changes nothing. @throws as `run` */
  async plan(machineId: string, number: number): Promise<RollbackView> {
    const wanted = await this.tunnelsOf(machineId, number);
    const runner = this.database.createQueryRunner();
    try {
      await runner.startTransaction();
      const { changes } = await this.bringBack(runner.manager, machineId, number, wanted);
      return { dryRun: true, number: null, ...changes };
    } finally {
      if (runner.isTransactionActive) await runner.rollbackTransaction();
      await runner.release();
    }
  }

  /**
   * @throws MachineNotFoundError, RevisionNotFoundError, RevisionNotKeptError, RollbackNeedlessError,
   *   RollbackBlockedError
   */
  async run(machineId: string, number: number, key: string | undefined): Promise<RollbackView> {
    const wanted = await this.tunnelsOf(machineId, number);
    const made: BroughtBack[] = [];
    const request = { key, operation: 'rollBack', body: { machineId, number } };
    const { id } = await this.idempotency.create(request, async (tx) => {
      const broughtBack = await this.bringBack(tx, machineId, number, wanted);
      made.push(broughtBack);
      return broughtBack.row.id;
    });
    this.reconciler.request();
    const { row, changes } = made.at(-1) ?? (await this.madeBefore(machineId, id));
    return { dryRun: false, number: row.number, ...changes };
  }

  private async bringBack(
    tx: EntityManager,
    machineId: string,
    number: number,
    wanted: RestoredTunnel[],
  ): Promise<BroughtBack> {
    await this.revisions.lock(tx, machineId);
    const before = await this.reconciler.machineFiles(machineId, tx);
    await this.restore.bringBack(tx, machineId, wanted).catch((error: unknown) => {
      const { tunnelId, cause } = error as { tunnelId?: string; cause?: unknown };
      if (!tunnelId || !(cause instanceof PortTakenError)) throw error;
      throw new RollbackBlockedError(number, tunnelId, cause.what, { cause });
    });
    const after = await this.reconciler.machineFiles(machineId, tx);
    if (after.data.sha256 === before.data.sha256) throw new RollbackNeedlessError(number);
    const row = await this.revisions.propose(tx, machineId, after.data, `rollback of ${number}`);
    return { row, changes: changesOf(before.data.toml, after.data.toml) };
  }

  /** What the same request made earlier. */
  private async madeBefore(machineId: string, id: string): Promise<BroughtBack> {
    const row = await this.history.byId(machineId, id);
    const { services, ...diff } = this.history.diff(await this.history.before(row), row);
    return { row, changes: { class: diff.class, services } };
  }

  private async tunnelsOf(machineId: string, number: number): Promise<RestoredTunnel[]> {
    const row = await this.history.get(machineId, number);
    const { services } = parseClient(this.history.contentOf(row));
    const tokens = new Map(services.map(({ name, token }) => [name, token]));
    if (row.tunnels === null) throw new RevisionNotKeptError(number);
    return row.tunnels.map((tunnel) => ({
      ...tunnel,
      token: tokens.get(serviceNames.tunnel(tunnel.id))!,
    }));
  }
}

function changesOf(before: string, after: string): Changes {
  const [was, is] = [parseClient(before), parseClient(after)];
  return { class: classOf(was, is), services: toChangeViews(serviceChanges(was, is)) };
}
