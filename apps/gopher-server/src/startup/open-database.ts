import pg from 'pg';
import { DataSource } from 'typeorm';
import type { Supervisor } from '@gopher/supervisor';
import type { ServerConfig } from '../config/server.config.js';
import { dataSourceOptions } from '../database/data-source.options.js';
import { EmbeddedPostgres } from '../database/embedded-postgres.js';
import { preparePostgresHome } from '../database/postgres-home.js';

const RETRY_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;

export interface StartupLog {
  log(message: string): void;
  warn(message: string): void;
}

/** The database, up to date: the one that a setting names, or the embedded one. */
export async function openDatabase(
  config: ServerConfig,
  supervisor: Supervisor,
  log: StartupLog,
): Promise<{ database: DataSource; url: string }> {
  const url = config.databaseUrl ?? (await startEmbedded(config, supervisor, log));
  await untilItAnswers(url, log);
  await migrate(url, log);
  const database = new DataSource({ ...dataSourceOptions(url), migrationsRun: false });
  await database.initialize();
  return { database, url };
}

async function startEmbedded(config: ServerConfig, supervisor: Supervisor, log: StartupLog) {
  const home = await preparePostgresHome(config.stateDir, config.databaseDir);
  log.log(`Embedded PostgreSQL in ${home.dataDir}`);
  return new EmbeddedPostgres(supervisor, home).start();
}

/** A database that is not there yet is waited for, with a message and without end. */
async function untilItAnswers(url: string, log: StartupLog): Promise<void> {
  let said = '';
  for (;;) {
    const problem = await ask(url);
    if (problem === null) return;
    if (problem !== said) {
      log.warn(`The database ${withoutPassword(url)} does not answer yet: ${problem}; trying on`);
    }
    said = problem;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function ask(url: string): Promise<string | null> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => {}); // the call under way rejects as well
  try {
    await client.connect();
    await client.query('SELECT 1');
    return null;
  } catch (error) {
    const { message, code } = error as { message?: string; code?: string };
    return message || code || String(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Edges may share a database, and their upgrades may come at the same moment. On connections of its
 * own: a migration may take longer than any question of the running server.
 */
async function migrate(url: string, log: StartupLog): Promise<void> {
  const database = new DataSource({ ...dataSourceOptions(url), migrationsRun: false, extra: {} });
  await database.initialize();
  const runner = database.createQueryRunner();
  try {
    await runner.query(`SELECT pg_advisory_lock(hashtext('gopher-migrations'))`);
    const applied = await database.runMigrations({ transaction: 'all' });
    for (const { name } of applied) log.log(`Migrated the database: ${name}`);
  } finally {
    // The lock goes with its connection.
    await runner.release();
    await database.destroy();
  }
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = parsed.password ? '…' : '';
  return parsed.toString();
}
