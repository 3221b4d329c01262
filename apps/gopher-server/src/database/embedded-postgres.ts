import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  type ProcessSpec,
  ProcessStartError,
  runCommand,
  type Supervisor,
} from '@gopher/supervisor';
import type { PostgresHome } from './postgres-home.js';

const NAME = 'postgres';
const ROLE = 'gopher';
const INITDB_TIMEOUT_MS = 60_000;
/** Recovery after a crash of a large database takes its time; a dead process is noticed before. */
const READY_TIMEOUT_MS = 120_000;
/** A killed postmaster may stay a zombie for a while, and its lock file counts for as long. */
const STALE_LOCK_TIMEOUT_MS = 10_000;
const RETRY_MS = 50;

/** For an edge of 512 MB: small buffers, no replication, no JIT. */
const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '40',
  shared_buffers: '24MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '128MB',
  jit: 'off',
  log_timezone: 'UTC',
  timezone: 'UTC',
};

/** The embedded PostgreSQL: a unix socket only, and only for the user that gopher-server runs as. */
export class EmbeddedPostgres {
  constructor(
    private readonly supervisor: Supervisor,
    private readonly home: PostgresHome,
  ) {}

  /** Starts or adopts it; resolves with its URL once it answers. */
  async start(): Promise<string> {
    if (!existsSync(join(this.home.dataDir, 'PG_VERSION'))) await this.initialise();
    await this.authorise();
    await this.startProcess();
    await this.untilReady();
    await this.createDatabase();
    return this.url('gopher');
  }

  async stop(): Promise<void> {
    await this.supervisor.stop(NAME);
  }

  private url(database: string): string {
    return `postgresql://${ROLE}@localhost/${database}?host=${encodeURIComponent(this.home.socketDir)}`;
  }

  private async initialise(): Promise<void> {
    await runCommand(
      join(this.home.binDir, 'initdb'),
      [
        `--pgdata=${this.home.dataDir}`,
        `--username=${ROLE}`,
        '--auth=peer',
        '--encoding=UTF8',
        '--locale=C',
        '--no-instructions',
      ],
      { ...this.environment(), timeoutMs: INITDB_TIMEOUT_MS },
    );
  }

  /** Peer: the kernel vouches for the caller, so that there is no password to keep. */
  private async authorise(): Promise<void> {
    const files = {
      'pg_hba.conf': 'local all gopher peer map=gopher\n',
      'pg_ident.conf': `gopher "${userInfo().username}" ${ROLE}\n`,
    };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(this.home.dataDir, name), content);
    }
  }

  private async startProcess(): Promise<void> {
    const deadline = Date.now() + STALE_LOCK_TIMEOUT_MS;
    for (;;) {
      try {
        await this.supervisor.start(this.spec());
        return;
      } catch (error) {
        const stale = error instanceof ProcessStartError && /postmaster\.pid/.test(error.message);
        if (!stale || Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private spec(): ProcessSpec {
    const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    return {
      name: NAME,
      file: join(this.home.binDir, 'postgres'),
      args: ['-D', this.home.dataDir, '-k', this.home.socketDir, ...settings],
      ...this.environment(),
      // "Fast": ends sessions and writes a checkpoint, so that the next start needs no recovery.
      stop: { signal: 'SIGINT', graceMs: 20_000 },
    };
  }

  private environment(): Pick<ProcessSpec, 'env' | 'user' | 'cwd'> {
    const { user, dataDir, libraryPath } = this.home;
    return {
      env: { LD_LIBRARY_PATH: libraryPath, LC_ALL: 'C', TZ: 'UTC' },
      cwd: dataDir,
      ...(user ? { user: { uid: user.uid, gid: user.gid } } : {}),
    };
  }

  private async untilReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      try {
        await query(this.url('postgres'), 'SELECT 1');
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  private async createDatabase(): Promise<void> {
    const exists = await query(
      this.url('postgres'),
      `SELECT 1 FROM pg_database WHERE datname = 'gopher'`,
    );
    if (exists === 0) await query(this.url('postgres'), 'CREATE DATABASE gopher');
  }
}

/** Runs one statement on a connection of its own; resolves with the number of rows. */
async function query(url: string, sql: string): Promise<number> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {}); // the query rejects as well
  await client.connect();
  try {
    return (await client.query(sql)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}
