import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export interface TestingDatabase {
  url: string;
  name: string;
  /** Without the product, which may be away. */
  query(sql: string): Promise<void>;
  /** Refuses new connections and ends those that there are. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  drop(): Promise<void>;
}

/** A database of its own, cloned from the migrated one. */
export const createDatabase = (): Promise<TestingDatabase> => create('TEMPLATE gopher');

/** An empty database of its own. */
export const createEmptyDatabase = (): Promise<TestingDatabase> => create('');

async function create(template: string): Promise<TestingDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(`CREATE DATABASE ${name} ${template}`);
  const url = new URL(inject('templateUrl'));
  url.pathname = name;
  return {
    url: url.toString(),
    name,
    query: (sql) => administer(sql, name),
    leave: async () => {
      await administer(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
      await administer(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
    },
    comeBack: () => administer(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`),
    drop: () => administer(`DROP DATABASE ${name} WITH (FORCE)`),
  };
}

async function administer(sql: string, database = 'postgres'): Promise<void> {
  const url = new URL(inject('templateUrl'));
  url.pathname = database;
  const client = new pg.Client({ connectionString: url.toString() });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
