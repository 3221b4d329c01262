import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddTunnelSpeaks1761000007000 implements MigrationInterface {
  name = 'AddTunnelSpeaks1761000007000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE "tunnel"
        ADD COLUMN "speaks" text,
        ADD CONSTRAINT "tunnel_speaks_check"
          CHECK ("speaks" IS NULL
            OR ("protocol" = 'tcp' AND "speaks" IN ('http', 'tls', 'banner')))`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE "tunnel" DROP COLUMN "speaks"`);
  }
}
