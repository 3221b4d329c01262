import { Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { IN_FORCE } from '../revision/revisions.js';

/** What may go, and when. Nothing here is asked for after that. */
const EXPIRED = {
  idempotency_key: `"created_at" < now() - interval '24 hours'`,
  join_token: `"expires_at" < now() - interval '7 days'`,
  agent_certificate: `"state" = 'revoked' AND "not_after" < now()`,
  // The newest 100 of each machine stay, and the one in force however old it is.
  machine_revision: `"id" IN (
    SELECT "id" FROM (
      SELECT "id", "number", row_number() OVER newest AS "age",
        max("number") FILTER (WHERE ${IN_FORCE}) OVER (PARTITION BY "machine_id") AS "in_force"
      FROM "machine_revision"
      WINDOW newest AS (PARTITION BY "machine_id" ORDER BY "number" DESC)
    ) r WHERE "age" > 100 AND "number" IS DISTINCT FROM "in_force")`,
};

/** Tables that grow by use are kept small from the first day. */
@Injectable()
export class Housekeeping {
  private readonly logger = new Logger(Housekeeping.name);

  constructor(@InjectDataSource() private readonly database: DataSource) {}

  @Cron(CronExpression.EVERY_HOUR, { name: 'housekeeping', waitForCompletion: true })
  async run(): Promise<void> {
    try {
      for (const [table, expired] of Object.entries(EXPIRED)) {
        await this.database.query(`DELETE FROM "${table}" WHERE ${expired}`);
      }
    } catch (error) {
      this.logger.error(`What has expired could not be removed: ${String(error)}`);
    }
  }
}
