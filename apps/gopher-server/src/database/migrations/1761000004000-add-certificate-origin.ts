import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddCertificateOrigin1761000004000 implements MigrationInterface {
  name = 'AddCertificateOrigin1761000004000';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`
      ALTER TABLE "agent_certificate"
        ADD COLUMN "origin" text NOT NULL DEFAULT 'enrolment',
        ADD CONSTRAINT "agent_certificate_origin_check" CHECK ("origin" IN ('enrolment', 'renewal'))`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`ALTER TABLE "agent_certificate" DROP COLUMN "origin"`);
  }
}
