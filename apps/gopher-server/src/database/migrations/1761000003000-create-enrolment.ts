import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateEnrolment1761000003000 implements MigrationInterface {
  name = 'CreateEnrolment1761000003000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE "join_token" (
        "id"            uuid        NOT NULL,
        "machine_id"    uuid        NOT NULL,
        "purpose"       text        NOT NULL,
        "secret_sha256" text        NOT NULL,
        "expires_at"    timestamptz NOT NULL,
        "reserved_key"  text,
        "reserved_at"   timestamptz,
        "consumed_at"   timestamptz,
        "created_at"    timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "join_token_pk" PRIMARY KEY ("id"),
        CONSTRAINT "join_token_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE,
        CONSTRAINT "join_token_purpose_check" CHECK ("purpose" IN ('join', 'client-config'))
      )`);
    await db.query(`CREATE INDEX "join_token_machine_id_idx" ON "join_token" ("machine_id")`);
    await db.query(`
      CREATE TABLE "back_channel" (
        "machine_id"         uuid        NOT NULL,
        "port"               integer     NOT NULL,
        "check_port"         integer     NOT NULL,
        "agent_port"         integer     NOT NULL,
        "agent_check_port"   integer     NOT NULL,
        "token_sealed"       text        NOT NULL,
        "check_token_sealed" text        NOT NULL,
        "created_at"         timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "back_channel_pk" PRIMARY KEY ("machine_id"),
        CONSTRAINT "back_channel_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE
      )`);
    await db.query(`
      CREATE TABLE "agent_certificate" (
        "sha256"            text        NOT NULL,
        "machine_id"        uuid        NOT NULL,
        "public_key_sha256" text        NOT NULL,
        "not_before"        timestamptz NOT NULL,
        "not_after"         timestamptz NOT NULL,
        "state"             text        NOT NULL DEFAULT 'issued',
        "origin"            text        NOT NULL DEFAULT 'enrolment',
        "created_at"        timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "agent_certificate_pk" PRIMARY KEY ("sha256"),
        CONSTRAINT "agent_certificate_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE,
        CONSTRAINT "agent_certificate_state_check"
          CHECK ("state" IN ('issued', 'active', 'revoked')),
        CONSTRAINT "agent_certificate_origin_check" CHECK ("origin" IN ('enrolment', 'renewal'))
      )`);
    await db.query(
      `CREATE INDEX "agent_certificate_machine_id_idx" ON "agent_certificate" ("machine_id")`,
    );
    await db.query(`
      CREATE TABLE "machine_heal" (
        "machine_id"   uuid        NOT NULL,
        "attempts"     integer     NOT NULL,
        "attempted_at" timestamptz NOT NULL,
        "reason"       text        NOT NULL,
        CONSTRAINT "machine_heal_pk" PRIMARY KEY ("machine_id"),
        CONSTRAINT "machine_heal_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE
      )`);
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of ['machine_heal', 'agent_certificate', 'back_channel', 'join_token']) {
      await db.query(`DROP TABLE "${table}"`);
    }
  }
}
