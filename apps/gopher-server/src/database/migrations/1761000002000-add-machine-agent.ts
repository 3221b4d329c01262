import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Additive: machines that exist have no agent, and both columns are null for them. */
export class AddMachineAgent1761000002000 implements MigrationInterface {
  name = 'AddMachineAgent1761000002000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE "machine"
        ADD COLUMN "agent_addr"        text,
        ADD COLUMN "agent_status"      text,
        ADD COLUMN "agent_observed_at" timestamptz,
        ADD COLUMN "agent_misses"      integer NOT NULL DEFAULT 0,
        ADD COLUMN "agent_report"      jsonb,
        ADD COLUMN "agent_reported_at" timestamptz,
        ADD CONSTRAINT "machine_agent_status_check"
          CHECK ("agent_status" IN ('unknown', 'up', 'down')),
        ADD CONSTRAINT "machine_agent_check"
          CHECK (("agent_addr" IS NULL) = ("agent_status" IS NULL))`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE "machine"
        DROP COLUMN "agent_addr",
        DROP COLUMN "agent_status",
        DROP COLUMN "agent_observed_at",
        DROP COLUMN "agent_misses",
        DROP COLUMN "agent_report",
        DROP COLUMN "agent_reported_at"`);
  }
}
