import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Of what was kept before, only the newest number is known, and not its content. */
export class CreateMachineRevision1761000004000 implements MigrationInterface {
  name = 'CreateMachineRevision1761000004000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE "machine_revision" (
        "id"             uuid        NOT NULL,
        "machine_id"     uuid        NOT NULL,
        "number"         integer     NOT NULL,
        "sha256"         text        NOT NULL,
        "content_sealed" text,
        "tunnels"        jsonb,
        "class"          text        NOT NULL,
        "cause"          text        NOT NULL,
        "outcome"        text        NOT NULL,
        "reason"         text,
        "created_at"     timestamptz NOT NULL DEFAULT now(),
        "settled_at"     timestamptz,
        CONSTRAINT "machine_revision_pk" PRIMARY KEY ("id"),
        CONSTRAINT "machine_revision_machine_id_number_key" UNIQUE ("machine_id", "number"),
        CONSTRAINT "machine_revision_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE,
        CONSTRAINT "machine_revision_class_check" CHECK ("class" IN ('services', 'transport')),
        CONSTRAINT "machine_revision_outcome_check" CHECK ("outcome" IN
          ('pending', 'applying', 'applied', 'reverted', 'refused', 'superseded'))
      )`);
    // Without an agent nothing more will ever be known of a configuration that was fetched.
    await db.query(`
      INSERT INTO "machine_revision" ("id", "machine_id", "number", "sha256", "class", "cause",
        "outcome", "reason", "created_at", "settled_at")
      SELECT gen_random_uuid(), c."machine_id", c."revision", c."sha256", 'transport',
        'from before revisions were kept', c."outcome", c."reason", c."changed_at",
        CASE WHEN c."outcome" = 'pending' AND m."agent_addr" IS NOT NULL
          THEN NULL ELSE c."changed_at" END
      FROM "machine_config" c JOIN "machine" m ON m."id" = c."machine_id"`);
    await db.query(`DROP TABLE "machine_config"`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE "machine_config" (
        "machine_id" uuid        NOT NULL,
        "revision"   integer     NOT NULL,
        "sha256"     text        NOT NULL,
        "outcome"    text        NOT NULL,
        "reason"     text,
        "changed_at" timestamptz NOT NULL,
        CONSTRAINT "machine_config_pk" PRIMARY KEY ("machine_id"),
        CONSTRAINT "machine_config_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE,
        CONSTRAINT "machine_config_outcome_check"
          CHECK ("outcome" IN ('pending', 'applied', 'refused'))
      )`);
    await db.query(`
      INSERT INTO "machine_config"
      SELECT DISTINCT ON ("machine_id") "machine_id", "number", "sha256",
        CASE WHEN "outcome" IN ('applied', 'refused') THEN "outcome" ELSE 'pending' END,
        "reason", coalesce("settled_at", "created_at")
      FROM "machine_revision" ORDER BY "machine_id", "number" DESC`);
    await db.query(`DROP TABLE "machine_revision"`);
  }
}
