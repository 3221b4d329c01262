import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import type { TestProject } from 'vitest/node';
import { ProcessSupervisor } from '@gopher/supervisor';
import { dataSourceOptions } from '../src/database/data-source.options.js';
import { EmbeddedPostgres } from '../src/database/embedded-postgres.js';
import { preparePostgresHome } from '../src/database/postgres-home.js';
import { chmod } from 'node:fs/promises';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A server with one migrated database, which no test changes: each file clones it. */
    templateUrl: string;
  }
}

/** One PostgreSQL for all files: the embedded one, as a user has it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'gopher-medium-'));
  await chmod(directory, 0o755);
  const supervisor = new ProcessSupervisor({ directory: join(directory, 'run') });
  const home = await preparePostgresHome(directory, join(directory, 'database'));
  const postgres = new EmbeddedPostgres(supervisor, home);
  const url = await postgres.start();
  const template = new DataSource(dataSourceOptions(url));
  await template.initialize();
  await template.destroy();
  project.provide('templateUrl', url);
  return async () => {
    await postgres.stop();
    await supervisor.release();
    await rm(directory, { recursive: true, force: true });
  };
}
