import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { endProcess } from '../src/end-process.js';
import { ProcessSupervisor, UnknownProcessError } from '../src/index.js';
import { readPidRecord } from '../src/pid-record.js';
import { gone, kill, lives, Scene, until } from './scene.js';

/** Real here: the processes and their signals. */
describe(ProcessSupervisor.name, () => {
  let scene: Scene;
  let supervisor: ProcessSupervisor;
  beforeEach(async () => {
    scene = await Scene.make();
    supervisor = scene.supervisor({ random: () => 0.3 });
  });
  afterEach(() => scene.clear());

  const logged = (name: string, fits: RegExp) =>
    vi.waitFor(async () => {
      const log = await readFile(supervisor.logFile(name), 'utf8');
      expect(log).toMatch(fits);
      return log;
    });

  describe('stops', () => {
    it('what never ran, quietly', async () => {
      await supervisor.stop('nothing');
      expect(() => supervisor.status('nothing')).toThrow(UnknownProcessError);
    });

    it('for good, and leaves no pid file', async () => {
      const { pid } = await supervisor.start({ ...scene.sleeper(), restart: true });
      await supervisor.stop('sleeper');
      expect(lives(pid)).toBe(false);
      expect(supervisor.status('sleeper')).toMatchObject({
        state: 'stopped',
        pid: null,
        lastExit: { signal: 'SIGTERM' },
      });
      await expect(stat(join(scene.directory, 'sleeper.pid.json'))).rejects.toThrow('ENOENT');
    });

    it('what is frozen, without waiting for its grace to pass', async () => {
      const script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
      const { pid } = await supervisor.start(scene.shell('polite', script));
      await logged('polite', /ready/);
      kill(pid, 'SIGSTOP');
      const stoppedAt = performance.now();
      await supervisor.stop('polite');
      expect(performance.now() - stoppedAt).toBeLessThan(2_000);
      expect(supervisor.status('polite').lastExit).toMatchObject({ code: 0 });
    });

    it.each([
      ['its child', (_: Scene, own: ProcessSupervisor) => own],
      [
        'what it adopted',
        (at: Scene, own: ProcessSupervisor) => own.release().then(() => at.supervisor()),
      ],
    ])('by SIGKILL %s, frozen and deaf, with its whole group', async (_, successor) => {
      const spec = {
        ...scene.shell('deaf', `trap '' TERM; "$0/sleep" 1000 & echo $! ready; wait`),
        stop: { signal: 'SIGTERM' as const, graceMs: 200 },
      };
      const { pid } = await supervisor.start(spec);
      const grandchild = Number.parseInt(await logged('deaf', /ready/), 10);
      const stopper = await successor(scene, supervisor);
      await stopper.start(spec);
      kill(pid, 'SIGSTOP');
      await stopper.stop('deaf');
      expect(lives(pid)).toBe(false);
      await gone(grandchild);
    });

    it('what left a grandchild behind that holds the FIFO', async () => {
      const script = '"$0/sleep" 1000 & echo $! ready; wait';
      await supervisor.start(scene.shell('parent', script));
      const grandchild = Number.parseInt(await logged('parent', /ready/), 10);
      await supervisor.release();
      const successor = scene.supervisor();
      await successor.start(scene.shell('parent', script));
      await successor.stop('parent');
      expect(lives(grandchild)).toBe(true);
    });

    it('between two attempts', async () => {
      await supervisor.start({ ...scene.shell('short', 'sleep 0.1'), restart: true });
      await until(supervisor, 'short', (s) => s.state === 'backing-off' && s.restarts === 1);
      await supervisor.stop('short');
      expect(supervisor.status('short')).toMatchObject({ state: 'stopped', nextStartAt: null });
    });

    it('nothing that came to the pid later, not even at the last moment', async () => {
      const { pid } = await supervisor.start(scene.sleeper());
      const record = (await readPidRecord(join(scene.directory, 'sleeper.pid.json')))!;
      const exited = Promise.resolve({ code: null, signal: null });
      const watch = { exited, check: () => {}, close: () => {} };
      const former = { record: { ...record, startTicks: record.startTicks - 1 }, watch };
      await endProcess('sleeper', { ...former, adopted: true }, { signal: 'SIGKILL', graceMs: 0 });
      await supervisor.start(scene.sleeper('other')); // takes long enough for a signal to arrive
      expect(lives(pid)).toBe(true);
      expect(supervisor.status('sleeper').lastExit).toBeNull();
    });
  });
});
