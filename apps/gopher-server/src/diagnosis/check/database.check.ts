import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Check } from '@gopher/diagnosis';
import { EdgeCheck, ms } from '../edge-check.js';

const SLOW_MS = 250;
const PATIENCE_MS = 2_000;

@Injectable()
export class DatabaseCheck extends EdgeCheck {
  readonly id = 'edge-database';
  readonly leg = 'edge';

  constructor(@InjectDataSource() private readonly database: DataSource) {
    super();
  }

  async look(): Promise<Check[]> {
    const began = performance.now();
    const problem = await this.problem();
    if (problem !== null) {
      const meaning = `The database does not answer: ${problem}. Tunnels go on; nothing can be changed`;
      return [this.found('fail', { meaning, advice: 'See whether PostgreSQL runs, and its log' })];
    }
    const took = performance.now() - began;
    const measured = ms(took);
    if (took < SLOW_MS) return [this.found('pass', { meaning: 'The database answers', measured })];
    const meaning = 'The database answers slowly: everything that is changed or shown waits for it';
    return [this.found('warn', { meaning, advice: "Look at the edge's load and its disk", measured })];
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
