import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateTunnelProbe1761000008000 implements MigrationInterface {
  name = 'CreateTunnelProbe1761000008000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE "tunnel_probe" (
        "tunnel_id"            uuid        NOT NULL,
        "at"                   timestamptz NOT NULL,
        "version"              integer     NOT NULL,
        "outcome"              text        NOT NULL,
        "proof"                text,
        "leg"                  text,
        "reason"               text,
        "edge_to_machine_ms"   real,
        "machine_to_target_ms" real,
        "first_byte_ms"        real,
        "total_ms"             real,
        CONSTRAINT "tunnel_probe_pk" PRIMARY KEY ("tunnel_id", "at"),
        CONSTRAINT "tunnel_probe_tunnel_id_fk" FOREIGN KEY ("tunnel_id")
          REFERENCES "tunnel" ("id") ON DELETE CASCADE,
        CONSTRAINT "tunnel_probe_outcome_check"
          CHECK ("outcome" IN ('passed', 'failed', 'unverified'))
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE "tunnel_probe"`);
  }
}
