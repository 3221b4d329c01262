import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  InvalidProcessNameError,
  ProcessStartError,
  ProcessSupervisor,
  SupervisorReleasedError,
} from '../src/index.js';
import { readOpenFilesLimit } from '../src/proc.js';
import { lives, Scene } from './scene.js';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('Not run: starting as another user, which only root can do\n');

/** Real here: the processes, their limits, users and logs. */
describe(ProcessSupervisor.name, () => {
  let scene: Scene;
  let supervisor: ProcessSupervisor;
  beforeEach(async () => {
    scene = await Scene.make();
    supervisor = scene.supervisor({ random: () => 0.3 });
  });
  afterEach(() => scene.clear());

  const proc = (pid: number | null, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8');
  const logged = (name: string, fits: RegExp) =>
    vi.waitFor(async () => {
      const log = await readFile(supervisor.logFile(name), 'utf8');
      expect(log).toMatch(fits);
      return log;
    });

  describe('starts', () => {
    it('one process however often it is told to at once', async () => {
      const specs = [scene.sleeper(), scene.sleeper(), scene.sleeper()];
      const statuses = await Promise.all(specs.map((spec) => supervisor.start(spec)));
      expect(new Set(statuses.map(({ pid }) => pid)).size).toBe(1);
      expect(await scene.processes()).toHaveLength(1);
    });

    it('and stops in the order in which it was told to', async () => {
      const [, , last] = await Promise.all([
        supervisor.start(scene.sleeper()),
        supervisor.stop('sleeper'),
        supervisor.start(scene.sleeper()),
        supervisor.restart('sleeper'),
      ]);
      const status = supervisor.status('sleeper');
      expect(status.state).toBe('running');
      expect(status.pid).not.toBe(last.pid);
      expect((await scene.processes()).map(({ pid }) => pid)).toEqual([status.pid]);
    });

    it('it with its limit of open files', async () => {
      const { pid } = await supervisor.start({ ...scene.sleeper(), openFiles: 321 });
      expect(await proc(pid, 'limits')).toMatch(/^Max open files +321 +321 /m);
    });

    it('it with as many open files as may be granted', async () => {
      const granted = Math.min(65_536, await readOpenFilesLimit());
      const { pid } = await supervisor.start(scene.sleeper());
      expect(await proc(pid, 'limits')).toMatch(
        new RegExp(`^Max open files +${granted} +${granted} `, 'm'),
      );
    });

    it.runIf(isRoot)('it as another user without any of our groups', async () => {
      await chmod(scene.directory, 0o755);
      const user = { uid: 65_534, gid: 65_534 };
      const { pid } = await supervisor.start({ ...scene.sleeper(), user });
      const status = await proc(pid, 'status');
      expect(status).toMatch(/^Uid:(\t65534){4}$/m);
      expect(status).toMatch(/^Gid:(\t65534){4}$/m);
      expect(status).toMatch(/^Groups:\s*$/m);
    });

    it('it in a group of its own, in /, with nothing of our environment', async () => {
      const { pid } = await supervisor.start({ ...scene.sleeper(), env: { A: '1' } });
      const names = (await proc(pid, 'environ')).split('\0').filter((line) => line !== '');
      expect(
        names.map((line) => line.split('=')[0]).toSorted((a, b) => (a! < b! ? -1 : 1)),
      ).toEqual(['A', 'LANG', 'PATH']);
      expect((await proc(pid, 'stat')).split(') ')[1]?.split(' ')[2]).toBe(String(pid));
      expect(await stat(`/proc/${pid}/cwd/`)).toMatchObject({ ino: (await stat('/')).ino });
    });

    it('it although its pid file can not be written', async () => {
      await mkdir(join(scene.directory, 'sleeper.pid.json'));
      expect(await supervisor.start(scene.sleeper())).toMatchObject({ state: 'running' });
      await supervisor.stop('sleeper');
      expect(scene.warnings).toHaveLength(2);
      expect(await scene.processes()).toEqual([]);
    });
  });

  describe('says why it could not start', () => {
    const failure = async (file: string, args: string[] = []) => {
      const spec = { name: 'broken', file, args };
      const error: unknown = await supervisor.start(spec).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(ProcessStartError);
      expect(supervisor.status('broken')).toMatchObject({ state: 'stopped', nextStartAt: null });
      return error as ProcessStartError;
    };

    it('what is not there', async () => {
      const file = join(scene.directory, 'missing');
      expect((await failure(file)).message).toBe(`broken did not start (${file}): no such file`);
    });

    it('what is not executable, no file, or not named whole', async () => {
      const file = join(scene.directory, 'text');
      await writeFile(file, '');
      expect((await failure(file)).reason).toBe('not executable');
      expect((await failure(scene.directory)).reason).toBe('not a file');
      expect((await failure('sleep')).reason).toBe('its path is not absolute');
    });

    it('what ends at once, with the end of its log and no older line', async () => {
      await writeFile(supervisor.logFile('broken'), 'of yesterday\n');
      const script = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; done; exit 3';
      const error = await failure('/bin/sh', ['-c', script]);
      expect(error.exit).toEqual({ code: 3, signal: null });
      expect(error.logTail.split('\n')).toHaveLength(10);
      expect(error.message).toMatch(/it ended at once, with exit code 3\n.*\nline 3\n[^]*line 12$/);
      expect(supervisor.status('broken').lastExit).toMatchObject({ code: 3 });
    });

    it.runIf(isRoot)('what its user may not execute', async () => {
      const user = { uid: 65_534, gid: 65_534 };
      const start = supervisor.start({ ...scene.sleeper(), user });
      await expect(start).rejects.toThrow(/did not start .*permission denied/is);
    });
  });

  describe('caps a log', () => {
    const lines = 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done';

    it('before a start', async () => {
      supervisor = scene.supervisor({ logMaxBytes: 100 });
      await writeFile(supervisor.logFile('sleeper'), `${'x'.repeat(100)}${'y'.repeat(100)}`);
      await supervisor.start(scene.sleeper());
      expect(await readFile(supervisor.logFile('sleeper'), 'utf8')).toBe('');
      expect(await readFile(`${supervisor.logFile('sleeper')}.1`, 'utf8')).toBe('y'.repeat(100));
    });

    it('while it is written to, which goes on at its beginning', async () => {
      const intervals = vi.spyOn(globalThis, 'setInterval');
      supervisor = scene.supervisor({ logMaxBytes: 60 });
      const [tidy, everyMs] = intervals.mock.lastCall!;
      intervals.mockRestore();
      expect(everyMs).toBe(10_000);
      await supervisor.start(scene.shell('chatty', lines));
      await logged('chatty', /line 10\n/);
      tidy();
      await logged('chatty', /^line \d\d+\n/);
      const copy = await readFile(`${supervisor.logFile('chatty')}.1`, 'utf8');
      // Whole lines of the newest 60 bytes, and what was written meanwhile.
      expect(copy).toMatch(/^(line \d\d?\d?\n){5,}$/);
      expect(copy).not.toMatch(/^line 1\n/);
    });
  });

  it('is told apart by names that are safe in a path', async () => {
    for (const name of ['', '-a', 'A', '../a', 'a/b', 'a.b']) {
      await expect(supervisor.start(scene.sleeper(name))).rejects.toThrow(InvalidProcessNameError);
      expect(() => supervisor.logFile(name)).toThrow(InvalidProcessNameError);
    }
  });

  it('tells every change until it is no longer wanted, whatever other listeners throw', async () => {
    supervisor.onChange(() => {
      throw new Error('mine');
    });
    const states: string[] = [];
    const end = supervisor.onChange(({ state }) => states.push(state));
    await supervisor.start(scene.sleeper());
    await supervisor.stop('sleeper');
    end();
    await supervisor.start(scene.sleeper());
    expect(states).toEqual(['running', 'stopped']);
  });

  it('takes no orders once it has let go', async () => {
    const { pid } = await supervisor.start(scene.sleeper());
    await supervisor.release();
    await expect(supervisor.start(scene.sleeper())).rejects.toThrow(SupervisorReleasedError);
    await expect(supervisor.stop('sleeper')).rejects.toThrow(SupervisorReleasedError);
    expect(lives(pid)).toBe(true);
  });
});
