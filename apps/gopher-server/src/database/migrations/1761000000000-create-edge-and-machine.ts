import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateEdgeAndMachine1761000000000 implements MigrationInterface {
  name = 'CreateEdgeAndMachine1761000000000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE "edge" (
        "id"               uuid        NOT NULL,
        "name"             text        NOT NULL,
        "ca_certificate"   text        NOT NULL,
        "ca_key_sealed"    text        NOT NULL,
        "noise_public_key" text        NOT NULL,
        "noise_key_sealed" text        NOT NULL,
        "created_at"       timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "edge_pk" PRIMARY KEY ("id")
      )`);
    await db.query(`
      CREATE TABLE "machine" (
        "id"         uuid        NOT NULL,
        "edge_id"    uuid        NOT NULL,
        "name"       text        NOT NULL,
        "version"    integer     NOT NULL DEFAULT 1,
        "created_at" timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "machine_pk" PRIMARY KEY ("id"),
        CONSTRAINT "machine_edge_id_name_key" UNIQUE ("edge_id", "name")
      )`);
    await db.query(`
      CREATE TABLE "api_token" (
        "id"            uuid        NOT NULL,
        "edge_id"       uuid        NOT NULL,
        "name"          text        NOT NULL,
        "secret_sha256" text        NOT NULL,
        "created_at"    timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "api_token_pk" PRIMARY KEY ("id")
      )`);
    await db.query(`
      CREATE TABLE "idempotency_key" (
        "edge_id"        uuid        NOT NULL,
        "key"            text        NOT NULL,
        "request_sha256" text        NOT NULL,
        "resource_id"    uuid        NOT NULL,
        "created_at"     timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "idempotency_key_pk" PRIMARY KEY ("edge_id", "key")
      )`);
    await db.query(
      `CREATE INDEX "idempotency_key_created_at_idx" ON "idempotency_key" ("created_at")`,
    );
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of ['idempotency_key', 'api_token', 'machine', 'edge']) {
      await db.query(`DROP TABLE "${table}"`);
    }
  }
}
