import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddControlMove1761000005000 implements MigrationInterface {
  name = 'AddControlMove1761000005000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE "back_channel"
        ADD COLUMN "generation"        integer NOT NULL DEFAULT 0,
        ADD COLUMN "next_port"         integer,
        ADD COLUMN "next_token_sealed" text,
        ADD CONSTRAINT "back_channel_next_check"
          CHECK (("next_port" IS NULL) = ("next_token_sealed" IS NULL))`);
  }

  /** A machine whose control client was moved has to enrol again: its service has another name. */
  async down(db: QueryRunner): Promise<void> {
    await db.query(`
      DELETE FROM "port_lease" l USING "back_channel" b
      WHERE l."machine_id" = b."machine_id" AND l."purpose" = 'back-channel'
        AND l."port" = b."next_port"`);
    await db.query(`
      ALTER TABLE "back_channel"
        DROP COLUMN "generation", DROP COLUMN "next_port", DROP COLUMN "next_token_sealed"`);
  }
}
