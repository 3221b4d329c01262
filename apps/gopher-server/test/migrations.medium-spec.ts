import { DataSource } from 'typeorm';
import { AddMachineAgent1761000002000 } from '../src/database/migrations/1761000002000-add-machine-agent.js';
import { dataSourceOptions, schemaOptions } from '../src/database/data-source.options.js';
import { createDatabase, createEmptyDatabase, type TestingDatabase } from './testing-database.js';

describe('migrations', () => {
  let database: TestingDatabase;
  let source: DataSource;

  afterEach(async () => {
    await source.destroy();
    await database.drop();
  });

  it('leave nothing for the schema builder to change', async () => {
    database = await createDatabase();
    source = await new DataSource(dataSourceOptions(database.url)).initialize();
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('can be taken back one by one', async () => {
    database = await createEmptyDatabase();
    source = await new DataSource(dataSourceOptions(database.url)).initialize();
    for (const _ of schemaOptions.migrations) await source.undoLastMigration();
    const tables: unknown[] = await source.query(
      `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations'`,
    );
    expect(tables).toEqual([]);
  });

  it('give machines that exist the columns of an agent, both null', async () => {
    database = await createEmptyDatabase();
    const before = schemaOptions.migrations.slice(
      0,
      schemaOptions.migrations.indexOf(AddMachineAgent1761000002000),
    );
    source = await new DataSource({
      ...dataSourceOptions(database.url),
      migrations: before,
    }).initialize();
    await source.query(
      `INSERT INTO machine (id, edge_id, name)
       SELECT gen_random_uuid(), gen_random_uuid(), 'machine-' || n FROM generate_series(1, 1000) n`,
    );
    await source.destroy();

    source = await new DataSource(dataSourceOptions(database.url)).initialize();
    const [row] = await source.query(
      `SELECT count(*)::int AS "all",
         count(*) FILTER (WHERE agent_addr IS NULL AND agent_status IS NULL)::int AS "bare"
       FROM machine`,
    );
    expect(row).toEqual({ all: 1000, bare: 1000 });
  });
});
