import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { inject } from 'vitest';
import { Supervisor } from '@gopher/supervisor';
import { dataSourceOptions } from '../src/database/data-source.options.js';
import { ServerConfig } from '../src/config/server.config.js';
import { openDatabase } from '../src/startup/open-database.js';

const PASSWORD = 'only-for-this-test';

/** The distribution's PostgreSQL: another version than the embedded one, over TCP, by password. */
const binDir = ['/usr/lib/postgresql']
  .filter((dir) => existsSync(dir))
  .flatMap((dir) => readdirSync(dir).map((version) => join(dir, version, 'bin')))
  .find((dir) => existsSync(join(dir, 'initdb')));

if (!binDir) console.warn('Skipped: no PostgreSQL server of the distribution is installed');

describe.skipIf(!binDir)('an external PostgreSQL', () => {
  let directory: string;
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gopher-external-'));
    const root = process.getuid?.() === 0;
    const [uid, gid] = root ? nobody(await readFile('/etc/passwd', 'utf8')) : [];
    await writeFile(join(directory, 'password'), PASSWORD);
    const user = root ? { uid: uid!, gid: gid! } : {};
    if (root) for (const path of ['', 'password']) await chown(join(directory, path), uid!, gid!);
    const data = join(directory, 'data');
    execFileSync(
      join(binDir!, 'initdb'),
      [
        '-D',
        data,
        '-U',
        'gopher',
        '-A',
        'scram-sha-256',
        `--pwfile=${join(directory, 'password')}`,
      ],
      user,
    );
    const port = await freePort();
    server = spawn(
      join(binDir!, 'postgres'),
      ['-D', data, '-k', '', '-c', 'listen_addresses=127.0.0.1', '-p', String(port)],
      { stdio: 'ignore', ...user },
    );
    url = `postgresql://gopher:${PASSWORD}@127.0.0.1:${port}/postgres`;
  });

  afterAll(async () => {
    const exited = once(server, 'exit');
    server.kill('SIGINT');
    await exited;
    await rm(directory, { recursive: true, force: true });
  });

  it('is waited for, gets the same migrations, and ends with the same schema', async () => {
    const said: string[] = [];
    const log = { log: (m: string) => said.push(m), warn: (m: string) => said.push(m) };
    const config = ServerConfig.parse({ DATABASE_URL: url });
    const { database } = await openDatabase(config, null as unknown as Supervisor, log);
    const embedded = await new DataSource(dataSourceOptions(inject('templateUrl'))).initialize();
    try {
      expect(await schemaOf(database)).toEqual(await schemaOf(embedded));
      expect(said.join('\n')).toContain('CreateEnrolment');
      expect(said.join('\n')).not.toContain(PASSWORD);
    } finally {
      await embedded.destroy();
      await database.destroy();
    }
  });
});

function schemaOf(source: DataSource): Promise<unknown[]> {
  return source.query(
    `SELECT table_name, column_name, data_type, is_nullable, column_default
     FROM information_schema.columns WHERE table_schema = 'public'
     ORDER BY table_name, column_name`,
  );
}

function nobody(passwd: string): [number, number] {
  const entry = passwd
    .split('\n')
    .find((line) => line.startsWith('nobody:'))!
    .split(':');
  return [Number(entry[2]), Number(entry[3])];
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
