import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessStatus, ProcessStartError, ProcessSupervisor } from '../src/index.js';
import { ended, kill, lives, Scene, until } from './scene.js';

/** Real here: the processes and their signals. */
describe(ProcessSupervisor.name, () => {
  let scene: Scene;
  let supervisor: ProcessSupervisor;
  beforeEach(async () => {
    scene = await Scene.make();
    supervisor = scene.supervisor({ random: () => 0.3 });
  });
  afterEach(() => scene.clear());

  describe('restarts', () => {
    it('at once, then after a jittered and visible while, for as long as it takes', async () => {
      const seen: ProcessStatus[] = [];
      supervisor.onChange((status) => seen.push(status));
      const script = 'sleep 0.1; exit 3';
      await supervisor.start({ ...scene.shell('short', script), restart: true });
      await until(
        supervisor,
        'short',
        ({ restarts, state }) => restarts === 3 && state === 'running',
      );
      await supervisor.stop('short');
      const waits = seen
        .filter(({ state, lastExit }) => state === 'backing-off' && lastExit?.code === 3)
        .map(({ nextStartAt, lastExit }) => nextStartAt!.getTime() - lastExit!.at.getTime());
      expect(waits.map((ms) => Math.round(ms / 50) * 50)).toEqual([0, 300, 600]);
      expect(supervisor.status('short')).toMatchObject({ state: 'stopped', nextStartAt: null });
    });

    it('goes on when a restart of its own fails', async () => {
      const file = join(scene.directory, 'program');
      const program = '#!/bin/sh\nwhile :; do sleep 0.02; done\n';
      await writeFile(file, program, { mode: 0o755 });
      const { pid } = await supervisor.start({ name: 'program', file, args: [] });
      await chmod(file, 0o600);
      kill(pid);
      await until(supervisor, 'program', ({ restarts }) => restarts === 2);
      await chmod(file, 0o755);
      const again = await until(supervisor, 'program', ({ state }) => state === 'running');
      expect(again.restarts).toBeGreaterThanOrEqual(2);
    });

    it('keeps the old process when the new one has no chance', async () => {
      const { pid } = await supervisor.start(scene.sleeper());
      await supervisor.start({ ...scene.sleeper(), file: '/nowhere/sleep' });
      await expect(supervisor.restart('sleeper')).rejects.toThrow(ProcessStartError);
      expect(supervisor.status('sleeper')).toMatchObject({ pid, restartNeeded: true });
    });

    it('tries again what ended at once after an ordered restart', async () => {
      const { pid } = await supervisor.start({ ...scene.sleeper(), restart: true });
      await supervisor.start({ ...scene.sleeper(), args: ['nonsense'], restart: true });
      await expect(supervisor.restart('sleeper')).rejects.toThrow('invalid time interval');
      expect(lives(pid)).toBe(false);
      expect(supervisor.status('sleeper').state).toBe('backing-off');
      expect(await supervisor.start(scene.sleeper())).toMatchObject({ state: 'running' });
    });

    it('leaves what is not to be restarted, and learns how a child ended', async () => {
      const { pid } = await supervisor.start(scene.sleeper());
      const exit = ended(supervisor, 'sleeper');
      const killedAt = performance.now();
      kill(pid);
      const status = await exit;
      expect(performance.now() - killedAt).toBeLessThan(100);
      expect(status).toMatchObject({
        state: 'stopped',
        lastExit: { code: null, signal: 'SIGKILL' },
      });
    });
  });
});
