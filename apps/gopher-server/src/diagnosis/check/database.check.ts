import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { type Check, failed, ms, passed, warned } from '@gopher/diagnosis';
import { EdgeCheck } from '../edge-check.js';

const SLOW_MS = 250;
const PATIENCE_MS = 2_000;

@Injectable()
export class DatabaseCheck extends EdgeCheck {
  readonly id = 'edge-database';

  constructor(@InjectDataSource() private readonly database: DataSource) {
    super();
  }

  async look(): Promise<Check[]> {
    const began = performance.now();
    const problem = await this.problem();
    const measured = ms(performance.now() - began);
    if (problem !== null) {
      const meaning = `The database does not answer (${problem}): tunnels go on, and nothing can be changed`;
      return [
        failed(this.id, meaning, { advice: 'See whether PostgreSQL runs, and read its log' }),
      ];
    }
    if (measured.value < SLOW_MS) return [passed(this.id, 'The database answers', { measured })];
    const meaning = 'The database answers slowly, and everything that is shown or changed waits';
    const advice = "Look at the edge's load and at its disk";
    return [warned(this.id, meaning, { advice, measured })];
  }

  private async problem(): Promise<string | null> {
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(() => late.resolve(`not within ${PATIENCE_MS} ms`), PATIENCE_MS);
    const answered = this.database.query('SELECT 1').then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    return Promise.race([answered, late.promise]).finally(() => clearTimeout(timer));
  }
}
