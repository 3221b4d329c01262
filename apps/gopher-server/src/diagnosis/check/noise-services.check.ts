import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { type Check, passed, warned } from '@gopher/diagnosis';
import { EdgeId } from '@gopher/machine';
import { RatholeServer } from '../../edge/rathole/rathole-server.js';
import { EdgeCheck } from '../edge-check.js';

/** From so many encrypted services on, a start of a released rathole stalls. */
const MANY = 50;

@Injectable()
export class NoiseServicesCheck extends EdgeCheck {
  readonly id = 'edge-noise-services';

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly edge: EdgeId,
    private readonly rathole: RatholeServer,
  ) {
    super();
  }

  async look(): Promise<Check[]> {
    // An agent has two: its back-channel, and the check of its data client.
    const [row] = await this.database.query<{ services: number }[]>(
      `SELECT (SELECT count(*) FROM "tunnel" WHERE "edge_id" = $1)::int + 2 * (
         SELECT count(*) FROM "back_channel" b JOIN "machine" m ON m."id" = b."machine_id"
         WHERE m."edge_id" = $1)::int AS "services"`,
      [this.edge.value],
    );
    const value = row?.services ?? 0;
    const measured = { value, unit: 'count' } as const;
    if (value < MANY || this.rathole.has('pool-size')) {
      return [passed(this.id, `rathole carries ${value} encrypted services`, { measured })];
    }
    const meaning = `rathole carries ${value} encrypted services: without Gopher's patches each takes 1.2 MB, and a start stalls`;
    const advice = 'Build the patched rathole (npm run rathole), then restart rathole on the edge';
    return [warned(this.id, meaning, { advice, measured })];
  }
}
