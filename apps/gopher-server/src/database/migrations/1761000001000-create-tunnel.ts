import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateTunnel1761000001000 implements MigrationInterface {
  name = 'CreateTunnel1761000001000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      CREATE TABLE "tunnel" (
        "id"           uuid        NOT NULL,
        "edge_id"      uuid        NOT NULL,
        "machine_id"   uuid        NOT NULL,
        "protocol"     text        NOT NULL,
        "target"       text        NOT NULL,
        "bind_address" text        NOT NULL,
        "port"         integer     NOT NULL,
        "token_sealed" text        NOT NULL,
        "state"        text        NOT NULL DEFAULT 'pending',
        "leg"          text,
        "reason"       text,
        "proof"        text,
        "probed_at"    timestamptz,
        "version"      integer     NOT NULL DEFAULT 1,
        "created_at"   timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "tunnel_pk" PRIMARY KEY ("id"),
        CONSTRAINT "tunnel_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE,
        CONSTRAINT "tunnel_protocol_check" CHECK ("protocol" IN ('tcp', 'udp')),
        CONSTRAINT "tunnel_state_check" CHECK ("state" IN ('pending', 'active', 'failed')),
        CONSTRAINT "tunnel_port_check" CHECK ("port" BETWEEN 1 AND 65535)
      )`);
    await db.query(`CREATE INDEX "tunnel_machine_id_idx" ON "tunnel" ("machine_id")`);
    await db.query(`
      CREATE TABLE "port_lease" (
        "edge_id"    uuid        NOT NULL,
        "protocol"   text        NOT NULL,
        "port"       integer     NOT NULL,
        "purpose"    text        NOT NULL,
        "machine_id" uuid        NOT NULL,
        "tunnel_id"  uuid,
        "created_at" timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT "port_lease_pk" PRIMARY KEY ("edge_id", "protocol", "port"),
        CONSTRAINT "port_lease_machine_id_fk" FOREIGN KEY ("machine_id")
          REFERENCES "machine" ("id") ON DELETE CASCADE,
        CONSTRAINT "port_lease_tunnel_id_fk" FOREIGN KEY ("tunnel_id")
          REFERENCES "tunnel" ("id") ON DELETE CASCADE,
        CONSTRAINT "port_lease_protocol_check" CHECK ("protocol" IN ('tcp', 'udp')),
        CONSTRAINT "port_lease_purpose_check"
          CHECK ("purpose" IN ('tunnel', 'back-channel', 'data-check'))
      )`);
    await db.query(`CREATE INDEX "port_lease_machine_id_idx" ON "port_lease" ("machine_id")`);
    await db.query(`CREATE INDEX "port_lease_tunnel_id_idx" ON "port_lease" ("tunnel_id")`);
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
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of ['machine_config', 'port_lease', 'tunnel']) {
      await db.query(`DROP TABLE "${table}"`);
    }
  }
}
