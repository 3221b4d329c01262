import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessSpec, ProcessSupervisor } from '../src/index.js';
import { ended, gone, kill, lives, Scene, until } from './scene.js';

/** Real here: the processes, /proc, a second Node that supervises and is killed. */
describe(`${ProcessSupervisor.name} adopting`, () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.make();
  });
  afterEach(() => scene.clear());

  const pidFile = (name: string) => join(scene.directory, `${name}.pid.json`);
  const editRecord = async (name: string, changes: object) => {
    const record = JSON.parse(await readFile(pidFile(name), 'utf8')) as object;
    await writeFile(pidFile(name), JSON.stringify({ ...record, ...changes }));
  };
  /** Runs, and nobody looks after it. */
  const leftBehind = async (spec: ProcessSpec) => {
    const former = scene.supervisor();
    const status = await former.start(spec);
    await former.release();
    return status;
  };

  it('takes over what outlived a supervisor killed with SIGKILL, and sees its exit at once', async () => {
    const specs = [1, 2, 3, 4, 5].map((i) => scene.sleeper(`sleeper-${i}`, `${1_000 + i}`));
    const { node, statuses } = await scene.otherNode(specs, 'stay');
    node.kill('SIGKILL');
    await once(node, 'exit');
    const supervisor = scene.supervisor();
    const delays: number[] = [];
    for (const [i, spec] of specs.entries()) {
      const pid = statuses[i]?.pid ?? null;
      const adopted = await supervisor.start(spec);
      expect(adopted).toMatchObject({ state: 'running', pid, adopted: true, restartNeeded: false });
      expect(adopted.startedAt).toEqual(new Date(statuses[i]?.startedAt ?? 0));
      const exit = ended(supervisor, spec.name);
      const killedAt = performance.now();
      kill(pid);
      const { lastExit } = await exit;
      delays.push(performance.now() - killedAt);
      expect(lastExit).toMatchObject({ code: null, signal: null });
    }
    expect(delays.sort((a, b) => a - b)[2]).toBeLessThan(100);
  });

  it.each(['leave', 'release'] as const)('keeps no Node alive: %s', async (then) => {
    for (const adopted of [false, true]) {
      const { node, statuses } = await scene.otherNode([scene.sleeper()], then);
      expect(node.exitCode ?? (await once(node, 'exit'))[0]).toBe(0);
      expect(statuses[0]?.adopted).toBe(adopted);
      expect(lives(statuses[0]?.pid ?? null)).toBe(true);
    }
  });

  it('restarts what it adopted', async () => {
    const spec = { ...scene.sleeper(), restart: true };
    const { pid } = await leftBehind(spec);
    const supervisor = scene.supervisor();
    await supervisor.start(spec);
    kill(pid);
    const again = await until(supervisor, spec.name, (s) => s.state === 'running' && s.pid !== pid);
    expect(again).toMatchObject({ adopted: false, restarts: 1 });
  });

  it('starts what ended by itself in the meantime', async () => {
    const { pid } = await leftBehind(scene.sleeper());
    kill(pid);
    await gone(pid);
    const status = await scene.supervisor().start(scene.sleeper());
    expect(status).toMatchObject({ state: 'running', adopted: false, restarts: 0 });
    expect(status.pid).not.toBe(pid);
  });

  it.each([
    ['another start time', { startTicks: 1 }],
    ['another boot', { bootId: 'another' }],
    ['another command line', { argv: ['/bin/another'] }],
  ])('leaves alone what got a recorded pid: %s', async (_, changes) => {
    const { pid } = await leftBehind(scene.sleeper());
    await editRecord('sleeper', changes);
    const supervisor = scene.supervisor();
    const status = await supervisor.start({ ...scene.sleeper(), args: ['2000'] });
    expect(status).toMatchObject({ state: 'running', adopted: false });
    expect(status.pid).not.toBe(pid);
    await supervisor.stop('sleeper');
    expect([lives(status.pid), lives(pid)]).toEqual([false, true]);
  });

  it('signals no process that got a recorded pid when it is stopped before any start', async () => {
    const { pid } = await leftBehind(scene.sleeper());
    await editRecord('sleeper', { startTicks: 1 });
    await scene.supervisor().stop('sleeper');
    expect(lives(pid)).toBe(true);
    await expect(readFile(pidFile('sleeper'))).rejects.toThrow('ENOENT');
  });

  it('stops by its pid file what a former supervisor left running', async () => {
    const { pid } = await leftBehind(scene.sleeper());
    await scene.supervisor().stop('sleeper');
    expect(lives(pid)).toBe(false);
  });

  it.each(['', '{"pid": 1', '{"pid":-1}'])('adopts past a broken pid file: %j', async (text) => {
    const { pid } = await leftBehind(scene.sleeper());
    await writeFile(pidFile('sleeper'), text);
    expect(await scene.supervisor().start(scene.sleeper())).toMatchObject({ pid, adopted: true });
  });

  it('adopts an orphan without a pid file, and sees its exit by the FIFO it holds', async () => {
    const { node, statuses } = await scene.otherNode([scene.sleeper()], 'stay');
    node.kill('SIGKILL');
    await once(node, 'exit');
    await rm(pidFile('sleeper'));
    const supervisor = scene.supervisor();
    const { pid, startedAt, adopted } = await supervisor.start(scene.sleeper());
    expect([pid, adopted]).toEqual([statuses[0]?.pid, true]);
    expect(Math.abs(startedAt!.getTime() - Date.now())).toBeLessThan(10_000);
    const exit = ended(supervisor, 'sleeper');
    const killedAt = performance.now();
    kill(pid);
    await exit;
    expect(performance.now() - killedAt).toBeLessThan(200);
  });

  it('adopts the oldest of two, names the other one and never signals it', async () => {
    const { sleep } = scene;
    const oldest = await scene.stranger(sleep, ['1000']);
    const other = await scene.stranger(sleep, ['1000']);
    const supervisor = scene.supervisor();
    expect(await supervisor.start(scene.sleeper())).toMatchObject({ pid: oldest, adopted: true });
    expect(scene.warnings).toEqual([expect.stringContaining(`adopted, not ${other}`)]);
    await supervisor.stop('sleeper');
    expect([lives(oldest), lives(other)]).toEqual([false, true]);
  });

  it('adopts what a person started, and sees its exit although it holds no FIFO', async () => {
    const pid = await scene.stranger(scene.sleep, ['3000'], scene.directory);
    const supervisor = scene.supervisor();
    const recognises: ProcessSpec['recognises'] = ({ argv, cwd, uid }) =>
      argv[0] === scene.sleep && cwd === scene.directory && uid === process.getuid?.();
    const status = await supervisor.start({ ...scene.sleeper(), recognises });
    expect(status).toMatchObject({ pid, adopted: true, restartNeeded: true });
    const exit = ended(supervisor, 'sleeper');
    kill(pid);
    expect(await exit).toMatchObject({ state: 'stopped', restartNeeded: false });
  });

  it('does not take a process of another name for its own', async () => {
    const first = await leftBehind(scene.sleeper('first'));
    const supervisor = scene.supervisor();
    const [second, third] = await Promise.all([
      supervisor.start(scene.sleeper('second')),
      supervisor.start(scene.sleeper('third')),
    ]);
    expect([second.adopted, third.adopted]).toEqual([false, false]);
    expect(new Set([first.pid, second.pid, third.pid]).size).toBe(3);
  });

  it('does not take one of its own either, where no pid file tells of it', async () => {
    const supervisor = scene.supervisor();
    await mkdir(pidFile('first'));
    const first = await supervisor.start(scene.sleeper('first'));
    const second = await supervisor.start(scene.sleeper('second'));
    expect(second.pid).not.toBe(first.pid);
  });

  it('says that a restart is needed when the command line changed, and restarts nothing', async () => {
    const { pid } = await leftBehind(scene.sleeper());
    const supervisor = scene.supervisor();
    const changed = { ...scene.sleeper(), args: ['2000'] };
    expect(await supervisor.start(changed)).toMatchObject({ pid, restartNeeded: true });
    const restarted = await supervisor.restart('sleeper');
    expect(restarted).toMatchObject({ adopted: false, restartNeeded: false });
    expect(lives(pid)).toBe(false);
    expect(await supervisor.start(scene.sleeper())).toMatchObject({
      pid: restarted.pid,
      restartNeeded: true,
    });
  });

  it('adopts a script, which becomes an interpreter and then a program', async () => {
    const file = join(scene.directory, 'script');
    const script = `#!/usr/bin/env sh\nsleep 0.005\nexec ${scene.sleep} 1000\n`;
    await writeFile(file, script, { mode: 0o755 });
    const spec = { name: 'script', file, args: ['a'], restart: false };
    const { pid } = await leftBehind(spec);
    const status = await scene.supervisor().start(spec);
    expect(status).toMatchObject({ pid, adopted: true, restartNeeded: false });
  });

  it('takes a closed FIFO alone for no exit', async () => {
    const script = `trap 'exec 3>&-; echo closed' USR1; while :; do sleep 0.02; done`;
    const { pid } = await leftBehind(scene.shell('closer', script));
    const supervisor = scene.supervisor();
    await supervisor.start(scene.shell('closer', script));
    kill(pid, 'SIGUSR1');
    await vi.waitFor(async () =>
      expect(await readFile(supervisor.logFile('closer'), 'utf8')).toBe('closed\n'),
    );
    await supervisor.start(scene.sleeper()); // takes long enough for the end-of-file to arrive
    expect(supervisor.status('closer')).toMatchObject({ pid, lastExit: null });
    const exit = ended(supervisor, 'closer');
    kill(pid);
    await exit;
  });
});
