import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { EdgeId, type HostSample } from '@gopher/machine';
import { MetricSample, type StoredSample } from './metric-sample.entity.js';

export const RESOLUTION_SECONDS = 15;
const KEPT_SECONDS = 3_600;
const MAX_ROWS_AT_ONCE = 500;
const MAX_PURGED_AT_ONCE = 10_000;

/** What one host measured in one stretch of time. */
export interface MetricBucket {
  bucket: Date;
  resolutionSeconds: number;
  /** null: the edge itself. */
  machineId: string | null;
  samples: number;
  cpuAvg: number | null;
  cpuMax: number | null;
  memoryUsedAvg: number | null;
  memoryUsedMax: number | null;
  last: HostSample;
}

/** A machine that is being removed gets no more rows; what was stored by a former run stands. */
const INSERT = `
  WITH "new" AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS n("bucket" timestamptz,
      "resolutionSeconds" integer, "machineId" uuid, "samples" integer,
      "cpuAvg" double precision, "cpuMax" double precision,
      "memoryUsedAvg" double precision, "memoryUsedMax" double precision, "last" jsonb)
  ), "known" AS (
    SELECT m."id" FROM "machine" m
    WHERE m."edge_id" = $2 AND m."id" IN (SELECT "machineId" FROM "new")
    ORDER BY m."id" FOR KEY SHARE
  )
  INSERT INTO "metric_sample" ("edge_id", "resolution_seconds", "bucket", "subject_id",
    "machine_id", "samples", "cpu_avg", "cpu_max", "memory_used_avg", "memory_used_max", "details")
  SELECT $2, "resolutionSeconds", "bucket", coalesce("machineId", $2), "machineId", "samples",
    "cpuAvg", "cpuMax", "memoryUsedAvg", "memoryUsedMax", "last"
  FROM "new" WHERE "machineId" IS NULL OR "machineId" IN (SELECT "id" FROM "known")
  ON CONFLICT DO NOTHING`;

const PURGE = `
  DELETE FROM "metric_sample" WHERE ctid IN (
    SELECT ctid FROM "metric_sample"
    WHERE "edge_id" = $1 AND "resolution_seconds" = $2
      AND "bucket" < now() - make_interval(secs => $3)
    LIMIT $4)`;

/** The history of what was measured. */
@Injectable()
export class MetricStore {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly edge: EdgeId,
  ) {}

  /** Of many hosts in one statement. */
  async insert(buckets: readonly MetricBucket[]): Promise<void> {
    for (let at = 0; at < buckets.length; at += MAX_ROWS_AT_ONCE) {
      const rows = buckets.slice(at, at + MAX_ROWS_AT_ONCE);
      await this.database.query(INSERT, [JSON.stringify(rows), this.edge.value]);
    }
  }

  /** Removes what is older than an hour; not all of it, when there is much. */
  async purge(): Promise<void> {
    const limits = [RESOLUTION_SECONDS, KEPT_SECONDS, MAX_PURGED_AT_ONCE];
    await this.database.query(PURGE, [this.edge.value, ...limits]);
  }

  /** The newest `limit` that began at `since` or later, oldest first. @param machineId null: the edge */
  async list(machineId: string | null, since: Date, limit: number): Promise<MetricBucket[]> {
    const rows = await this.database
      .getRepository(MetricSample)
      .createQueryBuilder('s')
      .where(machineId === null ? 's.machineId IS NULL' : 's.machineId = :machineId', { machineId })
      .andWhere('s.edgeId = :edgeId', { edgeId: this.edge.value })
      .andWhere('s.resolutionSeconds = :resolution', { resolution: RESOLUTION_SECONDS })
      .andWhere('s.bucket >= :since', { since })
      .orderBy('s.bucket', 'DESC')
      .take(limit)
      .getMany();
    return rows.reverse().map(toBucket);
  }
}

function toBucket({ details, ...row }: MetricSample): MetricBucket {
  return { ...row, last: fromStored(details) };
}

const fromStored = (stored: StoredSample): HostSample => ({
  ...stored,
  observedAt: new Date(stored.observedAt),
});
