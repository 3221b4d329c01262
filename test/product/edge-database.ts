import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { TestEdge } from './test-edge.js';

/** For what only time would bring about: one statement on the edge's own PostgreSQL. */
export async function changeDatabase(
  edge: TestEdge,
  sql: string,
  values: unknown[],
): Promise<number> {
  const argv = readFileSync(`/proc/${edge.enginePid('postgres')}/cmdline`, 'utf8').split('\0');
  const host = argv[argv.indexOf('-k') + 1] ?? '';
  const client = new pg.Client({ host, user: 'gopher', database: 'gopher' });
  await client.connect();
  try {
    return (await client.query(sql, values)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}
