import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Program, repositoryPath, TestEdge, until } from '../../../test/product/index.js';

const MAIN = repositoryPath('apps/gopher-server/dist/main.js');

describe('gopher-server whose database is not there yet', () => {
  let other: TestEdge;
  let directory: string;
  let proxy: Server | null = null;
  let server: Program | null = null;

  beforeAll(async () => {
    other = await TestEdge.start();
    directory = mkdtempSync(join(tmpdir(), 'gopher-e2e-'));
    const client = new pg.Client(`postgresql://gopher@localhost/postgres?host=${socketDir()}`);
    await client.connect();
    await client.query('CREATE DATABASE late');
    await client.end();
  });

  afterAll(async () => {
    await server?.end('SIGTERM');
    proxy?.close();
    // Its rathole is ended by the command that is there for it.
    await Program.start([MAIN, 'stop'], environment(), join(directory, 'stop.log')).exited;
    rmSync(directory, { recursive: true, force: true });
    await other.stop();
  });

  const socketDir = () => join(other.databaseDir, 'run');
  const ports = { database: 0, api: 0, rathole: 0 };

  function environment(): Record<string, string> {
    ports.database ||= other.ports.next();
    ports.api ||= other.ports.next();
    ports.rathole ||= other.ports.next();
    return {
      GOPHER_STATE_DIR: join(directory, 'edge'),
      GOPHER_PORT: String(ports.api),
      GOPHER_RATHOLE_BIND: `127.0.0.1:${ports.rathole}`,
      DATABASE_URL: `postgresql://gopher:only-for-this-test@127.0.0.1:${ports.database}/late`,
    };
  }

  /** Lets the port lead to the PostgreSQL of the other edge. */
  async function databaseArrives(): Promise<void> {
    proxy = createServer((socket) => {
      const there = connect(join(socketDir(), '.s.PGSQL.5432'));
      for (const end of [socket, there]) end.on('error', () => {});
      socket.pipe(there).pipe(socket);
    }).listen(ports.database, '127.0.0.1');
    await once(proxy, 'listening');
  }

  it('says so, waits for it, and comes up by itself', async () => {
    const program = Program.start([MAIN], environment(), join(directory, 'server.log'));
    server = program;
    await until('it says what it waits for', () => program.log().includes('does not answer yet'));
    const said = program.log();
    expect(said).toMatch(new RegExp(`127\\.0\\.0\\.1:${ports.database}/late.*ECONNREFUSED`));
    expect(said).not.toMatch(/only-for-this-test|\n? {4}at |node_modules/);
    expect(program.running).toBe(true);

    await databaseArrives();
    const url = `http://127.0.0.1:${ports.api}`;
    await until('it is ready', async () => (await fetch(`${url}/readyz`)).ok);
    // Once, not at every attempt.
    expect(program.log().match(/does not answer yet/g)).toHaveLength(1);
  });
});
