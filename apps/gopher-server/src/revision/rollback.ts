import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { parseClient } from '@gopher/rathole';
import { serviceNames } from '../edge/edge-files.js';
import { Reconciler } from '../edge/reconciler.js';
import { Idempotency } from '../http/idempotency.js';
import { PortTakenError } from '../tunnel/tunnel.errors.js';
import { type RestoredTunnel, TunnelRestore } from '../tunnel/tunnel-restore.js';
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
  /** Of the revision. */
  id: string;
  number: number;
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
    const request = { key, operation: 'rollBack', body: { machineId, number } };
    const { id, made } = await this.idempotency.create(request, (tx) =>
      this.bringBack(tx, machineId, number, wanted),
    );
    this.reconciler.request();
    const broughtBack = made ?? (await this.madeBefore(machineId, id));
    return { dryRun: false, number: broughtBack.number, ...broughtBack.changes };
  }

  private async bringBack(
    tx: EntityManager,
    machineId: string,
    number: number,
    wanted: RestoredTunnel[],
  ): Promise<BroughtBack> {
    // What others do to these tunnels is done before this, or after it; the answer names none of it.
    await this.revisions.lock(tx, machineId);
    const present = await this.restore.hold(tx, machineId);
    const before = await this.reconciler.machineFiles(machineId, tx);
    await this.restore.bringBack(tx, machineId, { present, wanted }).catch((error: unknown) => {
      const { tunnelId, cause } = error as { tunnelId?: string; cause?: unknown };
      if (!tunnelId || !(cause instanceof PortTakenError)) throw error;
      throw new RollbackBlockedError(number, tunnelId, cause.what, { cause });
    });
    const after = await this.reconciler.machineFiles(machineId, tx);
    if (after.data.sha256 === before.data.sha256) throw new RollbackNeedlessError(number);
    const cause = `rollback of ${number}`;
    const made = await this.revisions.propose(tx, machineId, after.data, cause);
    return {
      id: made.id,
      number: made.number,
      changes: changesOf(before.data.toml, after.data.toml),
    };
  }

  /** What the same request made earlier. */
  private async madeBefore(machineId: string, id: string): Promise<BroughtBack> {
    const row = await this.history.byId(machineId, id);
    const { services, ...diff } = this.history.diff(await this.history.before(row), row);
    return { id, number: row.number, changes: { class: diff.class, services } };
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
