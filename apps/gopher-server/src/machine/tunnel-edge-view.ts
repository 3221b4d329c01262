import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import {
  type DataPathObservation,
  EdgeView,
  type HostMetrics,
  type RevisionView,
  type TunnelSummary,
} from '@gopher/machine';
import { MetricBoard } from '../metric/metric-board.js';
import { ControlProblems } from './control-problems.js';
import { DataPaths } from './data-paths.js';
import { RevisionViews } from './revision-views.js';

interface Row {
  machine_id: string;
  total: number;
  active: number;
  pending: number;
  failed: number;
  observed_at: Date | null;
}

/** What the tunnels' probes, the data check and the pushes say of machines. */
@Injectable()
export class TunnelEdgeView extends EdgeView {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly paths: DataPaths,
    private readonly revisions: RevisionViews,
    private readonly controls: ControlProblems,
    private readonly board: MetricBoard,
  ) {
    super();
  }

  async tunnels(machineIds: readonly string[]): Promise<Map<string, TunnelSummary>> {
    if (machineIds.length === 0) return new Map();
    const rows: Row[] = await this.database.query(
      `SELECT "machine_id", count(*)::int AS "total", max("probed_at") AS "observed_at",
         count(*) FILTER (WHERE "state" = 'active')::int AS "active",
         count(*) FILTER (WHERE "state" = 'pending')::int AS "pending",
         count(*) FILTER (WHERE "state" = 'failed')::int AS "failed"
       FROM "tunnel" WHERE "machine_id" = ANY ($1) GROUP BY "machine_id"`,
      [machineIds],
    );
    return new Map(
      rows.map(({ machine_id, observed_at, ...counts }) => [
        machine_id,
        { ...counts, observedAt: observed_at },
      ]),
    );
  }

  dataPath(machineId: string): DataPathObservation | null {
    return this.paths.get(machineId);
  }

  metrics(machineId: string): HostMetrics | null {
    return this.board.get(machineId);
  }

  controlProblem(machineId: string): string | null {
    return this.controls.get(machineId);
  }

  revision(machineId: string): RevisionView | null {
    return this.revisions.get(machineId);
  }
}
