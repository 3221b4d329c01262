import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { ConfigState, RevertCause } from '@gopher/proto';
import type { TestMachine } from './agent-process.js';
import { exchange, keepOpen } from './echo.js';
import { PushFixture } from './push-fixture.js';

const FULL = { code: status.RESOURCE_EXHAUSTED };
const isRoot = process.getuid?.() === 0;
if (isRoot) console.warn('Skipped: directories without permission, since root may write anywhere');
else console.warn('Skipped: full disks, since only root can mount small ones');

/** A file system of its own for one of the directories of the state. */
async function mounted(machine: TestMachine, name: string, size: string): Promise<string> {
  const path = machine.file(name);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const options = `size=${size},mode=700`;
  const { stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  expect(String(stderr)).toBe('');
  return path;
}

async function fill(directory: string): Promise<void> {
  await writeFile(`${directory}/filler`, Buffer.alloc(1_000_000)).catch(() => {});
}

describe.skipIf(!isRoot)('a disk that is full', () => {
  let fixture: PushFixture;
  let good: string;
  let next: string;
  let directories: string[];

  beforeAll(async () => {
    fixture = await PushFixture.open(undefined, async (machine) => {
      directories = [
        await mounted(machine, 'rathole', '96k'),
        await mounted(machine, 'kept', '96k'),
      ];
    });
    good = fixture.toml('web');
    next = fixture.toml('web', 'more');
  });
  afterAll(async () => {
    await fixture.machine.kill('SIGTERM');
    await fixture.machine.command('stop-clients');
    for (const directory of directories) spawnSync('umount', ['-l', directory]);
    await fixture[Symbol.asyncDispose]();
  });

  beforeEach(() => fixture.push(good, 0));
  afterEach(async () => {
    for (const directory of directories) await rm(`${directory}/filler`, { force: true });
  });

  it.each([
    ['has room for neither', [0, 1]],
    ['has room for the file and not for the record', [1]],
    ['has room for the record and not for the file', [0]],
  ])('changes nothing when it %s', async (_what, full) => {
    for (const index of full) await fill(directories[index]!);
    const before = await fixture.caller.status();
    await expect(fixture.push(next, 30)).rejects.toMatchObject(FULL);
    fixture.revision -= 1;
    expect((await fixture.caller.status()).config).toEqual(before.config);
    expect(await fixture.file()).toBe(good);
    expect(await exchange(fixture.web, 'ping')).toBe('ping');
    for (const index of full) await rm(`${directories[index]}/filler`);
    await fixture.push(next, 30);
    await fixture.confirm(next);
    await fixture.serving(fixture.more);
  });

  it('goes back although it was filled up meanwhile, and an agent that starts then does so too', async () => {
    const connection = await keepOpen(fixture.web);
    const before = fixture.revision;
    await fixture.push(next, 1);
    for (const directory of directories) await fill(directory);
    await vi.waitFor(async () => expect(await fixture.file()).toBe(good), { timeout: 5_000 });
    const reverted = { cause: RevertCause.NOT_CONFIRMED, revision: BigInt(fixture.revision) };
    expect(await fixture.afterwards()).toMatchObject(fixture.back(good, before, reverted));
    await fixture.machine.kill('SIGKILL');
    await fixture.restartAgent();
    expect(await fixture.afterwards()).toMatchObject(fixture.back(good, before, reverted));
    expect(await connection.say('alive?')).toBe('alive?');
    connection.end();
  });

  it('takes no confirmation that it can not keep, and goes back in time', async () => {
    const before = fixture.revision;
    await fixture.push(next, 2);
    await fill(directories[1]!);
    await expect(fixture.confirm(next)).rejects.toMatchObject(FULL);
    expect(await fixture.caller.status()).toMatchObject({
      config: { state: ConfigState.UNCONFIRMED },
    });
    await vi.waitFor(async () => expect(await fixture.file()).toBe(good), { timeout: 5_000 });
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, { cause: RevertCause.NOT_CONFIRMED }),
    );
  });

  it('takes one back that is not taken, without any room', async () => {
    const before = fixture.revision;
    const pushed = fixture.push(
      good.replace(/remote_addr = "[^"]*"/, 'remote_addr = "127.0.0.1:1"'),
      2,
    );
    await vi.waitFor(async () => expect(await fixture.file()).toContain('127.0.0.1:1"'));
    for (const directory of directories) await fill(directory);
    await expect(pushed).rejects.toMatchObject({ code: status.ABORTED });
    expect(await fixture.afterwards()).toMatchObject(
      fixture.back(good, before, { cause: RevertCause.NOT_TAKEN }),
    );
  });

  it('keeps in its record what it did without room once there is some', async () => {
    const { machine } = fixture;
    await fixture.push(next, 1);
    for (const directory of directories) await fill(directory);
    await vi.waitFor(async () => expect(await fixture.file()).toBe(good), { timeout: 5_000 });
    const record = async () =>
      JSON.parse(await readFile(machine.file('kept', 'data.json'), 'utf8')) as object;
    expect(await record()).toMatchObject({ trial: {} });
    for (const directory of directories) await rm(`${directory}/filler`);
    // A look at the file is the occasion; any change in its directory is one.
    await chmod(machine.file('rathole', 'data.toml'), 0o600);
    await vi.waitFor(async () => {
      expect(await record()).toMatchObject({ trial: null, reverted: { cause: 'not-confirmed' } });
    });
  });
});

/** Root may write everywhere, so a directory that nobody can write to is made of another kind. */
describe.skipIf(isRoot)('a directory without permission', () => {
  it.each(['rathole', 'kept'])('refuses the push and changes nothing: %s', async (name) => {
    await using fixture = await PushFixture.open();
    const good = await fixture.file();
    await chmod(fixture.machine.file(name), 0o500);
    try {
      const refused = fixture.push(fixture.toml('web', 'more'), 30);
      await expect(refused).rejects.toMatchObject({ code: status.INTERNAL });
      await expect(refused).rejects.toThrow(/permission denied for user id/);
      fixture.revision -= 1;
      expect(await fixture.file()).toBe(good);
      expect(await exchange(fixture.web, 'ping')).toBe('ping');
    } finally {
      await chmod(fixture.machine.file(name), 0o700);
    }
    await fixture.push(fixture.toml('web', 'more'), 30);
  });

  it('goes on trying to go back until it may', async () => {
    await using fixture = await PushFixture.open();
    const good = await fixture.file();
    await fixture.push(fixture.toml('web', 'more'), 1);
    await chmod(fixture.machine.file('rathole'), 0o500);
    await vi.waitFor(() => expect(fixture.machine.log.join()).toContain('is not taken back yet'), {
      timeout: 5_000,
    });
    expect(await fixture.caller.status()).toMatchObject({
      config: { state: ConfigState.UNCONFIRMED },
    });
    await chmod(fixture.machine.file('rathole'), 0o700);
    await vi.waitFor(async () => expect(await fixture.file()).toBe(good), { timeout: 5_000 });
    await fixture.serving(fixture.web);
  });
});
