import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseHomeError, preparePostgresHome } from './postgres-home.js';

const isRoot = process.getuid?.() === 0;

describe(preparePostgresHome.name, () => {
  let directory: string;
  const made: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gopher-home-'));
    chmodSync(directory, 0o755);
    made.push(directory);
  });

  afterAll(() => {
    for (const path of made) rmSync(path, { recursive: true, force: true });
  });

  it('lives below the state directory when PostgreSQL can get there', async () => {
    const home = await preparePostgresHome(directory, undefined);
    expect(home.dataDir).toBe(join(directory, 'database/data'));
    expect(home.socketDir).toBe(join(directory, 'database/run'));
    expect(home.user?.name).toBe(isRoot ? 'nobody' : undefined);
    expect(existsSync(join(home.binDir, 'postgres'))).toBe(true);
    for (const path of [home.dataDir, home.socketDir])
      expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('lives where a setting says', async () => {
    const home = await preparePostgresHome('/nonexistent', join(directory, 'elsewhere'));
    expect(home.dataDir).toBe(join(directory, 'elsewhere/data'));
  });

  it('finds another place for its socket when the path is too long for one', async () => {
    const long = join(directory, 'x'.repeat(100));
    const home = await preparePostgresHome(directory, long);
    made.push(home.socketDir);
    expect(home.dataDir).toBe(join(long, 'data'));
    expect(Buffer.byteLength(`${home.socketDir}/.s.PGSQL.5432`)).toBeLessThanOrEqual(107);
    expect((await preparePostgresHome(directory, long)).socketDir).toBe(home.socketDir);
  });

  it('makes the links that the package’s install script would have made, again and again', async () => {
    for (let i = 0; i < 2; i += 1) {
      const { libraryPath } = await preparePostgresHome(directory, undefined);
      const links = libraryPath.slice(0, libraryPath.indexOf(':'));
      const names = readdirSync(links);
      expect(names.length).toBeGreaterThan(3);
      for (const name of names) {
        expect(lstatSync(join(links, name)).isSymbolicLink()).toBe(true);
        expect(existsSync(join(links, name))).toBe(true);
      }
    }
  });

  it('avoids a state directory that its user may not enter', async ({ skip }) => {
    skip(!isRoot, 'an ordinary user runs PostgreSQL itself');
    const closed = join(directory, 'root');
    mkdirSync(closed, { mode: 0o700 });
    const home = await preparePostgresHome(closed, undefined);
    made.push(join(home.dataDir, '..'));
    expect(home.dataDir).toMatch(/^\/var\/lib\/gopher-database\/[0-9a-f]{12}\/data$/);
    const refused = preparePostgresHome(closed, join(closed, 'database'));
    await expect(refused).rejects.toThrow(DatabaseHomeError);
    await expect(refused).rejects.toThrow(/GOPHER_DATABASE_DIR/);
  });
});
