import { DataSource } from 'typeorm';
import { AddMachineAgent1761000002000 } from '../src/database/migrations/1761000002000-add-machine-agent.js';
import { AddControlMove1761000005000 } from '../src/database/migrations/1761000005000-add-control-move.js';
import { CreateMachineRevision1761000004000 } from '../src/database/migrations/1761000004000-create-machine-revision.js';
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

  it('give back the port of a control client that is moving', async () => {
    database = await createDatabase();
    source = await new DataSource(dataSourceOptions(database.url)).initialize();
    await source.query(
      `INSERT INTO machine (id, edge_id, name) VALUES (gen_random_uuid(), gen_random_uuid(), 'm')`,
    );
    await source.query(
      `INSERT INTO back_channel (machine_id, port, check_port, agent_port, agent_check_port,
         token_sealed, check_token_sealed, next_port, next_token_sealed)
       SELECT id, 1, 2, 3, 4, 'a', 'b', 5, 'c' FROM machine`,
    );
    await source.query(
      `INSERT INTO port_lease (edge_id, protocol, port, purpose, machine_id)
       SELECT edge_id, 'tcp', port, purpose, id FROM machine,
         (VALUES (1, 'back-channel'), (2, 'data-check'), (5, 'back-channel')) l (port, purpose)`,
    );
    const { migrations } = schemaOptions;
    const later = migrations.slice(migrations.indexOf(AddControlMove1761000005000));
    for (const _ of later) await source.undoLastMigration();
    const leases: unknown[] = await source.query('SELECT port FROM port_lease ORDER BY port');
    expect(leases).toEqual([{ port: 1 }, { port: 2 }]);
  });

  it('carry over what was known of configurations, there and back', async () => {
    database = await createEmptyDatabase();
    const before = schemaOptions.migrations.slice(
      0,
      schemaOptions.migrations.indexOf(CreateMachineRevision1761000004000),
    );
    const options = dataSourceOptions(database.url);
    source = await new DataSource({ ...options, migrations: before }).initialize();
    await source.query(
      `INSERT INTO machine (id, edge_id, name, agent_addr, agent_status)
       SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, gen_random_uuid(), 'm' || n,
         CASE WHEN n < 3 THEN 'a' END, CASE WHEN n < 3 THEN 'up' END FROM generate_series(1, 3) n`,
    );
    await source.query(
      `INSERT INTO machine_config SELECT id, 7, 'ab',
         CASE name WHEN 'm1' THEN 'applied' ELSE 'pending' END, NULL, now() FROM machine`,
    );
    await source.destroy();

    source = await new DataSource(options).initialize();
    const rows: unknown[] = await source.query(
      `SELECT m.name, r.number, r.outcome, r.content_sealed, r.settled_at IS NULL AS open
       FROM machine_revision r JOIN machine m ON m.id = r.machine_id ORDER BY m.name`,
    );
    const row = { number: 7, content_sealed: null };
    expect(rows).toEqual([
      { ...row, name: 'm1', outcome: 'applied', open: false },
      { ...row, name: 'm2', outcome: 'pending', open: true },
      { ...row, name: 'm3', outcome: 'pending', open: false },
    ]);
    await source.query(
      `INSERT INTO machine_revision (id, machine_id, number, sha256, class, cause, outcome)
       SELECT gen_random_uuid(), id, 9, 'cd', 'services', 'test', 'reverted' FROM machine`,
    );
    for (const _ of schemaOptions.migrations.slice(before.length)) await source.undoLastMigration();
    const [back] = await source.query(`SELECT min(revision) AS revision, count(*)::int AS "all",
      min(outcome) AS outcome FROM machine_config`);
    expect(back).toEqual({ revision: 9, all: 3, outcome: 'pending' });
  });
});
