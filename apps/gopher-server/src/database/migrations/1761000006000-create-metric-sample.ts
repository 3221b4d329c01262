import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateMetricSample1761000006000 implements MigrationInterface {
  name = 'CreateMetricSample1761000006000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE "metric_sample" (
        "edge_id"            uuid             NOT NULL,
        "resolution_seconds" integer          NOT NULL,
        "bucket"             timestamptz      NOT NULL,
        "subject_id"         uuid             NOT NULL,
        "machine_id"         uuid,
        "samples"            integer          NOT NULL,
        "cpu_avg"            double precision,
        "cpu_max"            double precision,
        "memory_used_avg"    double precision,
        "memory_used_max"    double precision,
        "details"            jsonb            NOT NULL,
        CONSTRAINT "metric_sample_pk"
          PRIMARY KEY ("edge_id", "resolution_seconds", "bucket", "subject_id"),
        CONSTRAINT "metric_sample_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE,
        CONSTRAINT "metric_sample_subject_check"
          CHECK ("subject_id" = coalesce("machine_id", "edge_id"))
      )`);
    await db.query(`
      CREATE INDEX "metric_sample_machine_id_idx"
        ON "metric_sample" ("machine_id", "resolution_seconds", "bucket")`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE "metric_sample"`);
  }
}
