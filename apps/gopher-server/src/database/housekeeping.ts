import { Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';

/** What may go, and when. Nothing here is asked for after that. */
const EXPIRED = {
  idempotency_key: `"created_at" < now() - interval '24 hours'`,
  join_token: `"expires_at" < now() - interval '7 days'`,
  agent_certificate: `"state" = 'revoked' AND "not_after" < now()`,
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
