import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type PidRecord, savePidRecord } from '../src/pid-record.js';
import { readBootId, readStat } from '../src/proc.js';
import { ProcessSupervisor } from '../src/index.js';
import { ended, kill, Scene } from './scene.js';

/** Real here: a process whose parent does not reap it for two seconds. */
describe(`${ProcessSupervisor.name} and zombies`, () => {
  let scene: Scene;
  let pid: number;
  let parentEnds: Promise<unknown>;

  /** Started as a supervisor would have, by a shell that then becomes a program that never waits. */
  beforeEach(async () => {
    scene = await Scene.make();
    const fifo = join(scene.directory, 'sleeper.exit');
    execFileSync('mkfifo', [fifo]);
    const script = '"$0" 1000 3<>"$1" >&- & echo $!; exec "$0" 2';
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const parent = spawn('/bin/sh', ['-c', script, scene.sleep, fifo], { stdio: [...stdio] });
    parentEnds = once(parent, 'exit');
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    pid = Number(line);
    await vi.waitUntil(async () => {
      const running = await scene.processes();
      return running.length === 2 && running.every(({ argv }) => argv[0] === scene.sleep);
    });
    await recordSleeper();
  });
  afterEach(() => scene.clear());

  async function recordSleeper(): Promise<void> {
    const argv = [scene.sleep, '1000'];
    const record: PidRecord = {
      pid,
      startTicks: readStat(pid)!.startTicks,
      bootId: await readBootId(),
      argv,
      command: argv,
      startedAt: new Date(),
      ownGroup: false,
      stop: { signal: 'SIGTERM', graceMs: 5_000 },
    };
    const log = { log: () => {}, warn: () => {} };
    await savePidRecord(join(scene.directory, 'sleeper.pid.json'), record, log);
  }

  it('takes one for dead as soon as it is one', async () => {
    const supervisor = scene.supervisor();
    expect(await supervisor.start(scene.sleeper())).toMatchObject({ pid, adopted: true });
    const exit = ended(supervisor, 'sleeper');
    const killedAt = performance.now();
    kill(pid);
    await exit;
    expect(performance.now() - killedAt).toBeLessThan(200);
    expect(readStat(pid)?.state).toBe('Z');
  });

  it('stops into one', async () => {
    const supervisor = scene.supervisor();
    await supervisor.start(scene.sleeper());
    await supervisor.stop('sleeper');
    expect(readStat(pid)?.state).toBe('Z');
  });

  it('adopts none, neither by pid file nor by command line', async () => {
    kill(pid);
    await vi.waitFor(() => expect(readStat(pid)?.state).toBe('Z'));
    const status = await scene.supervisor().start(scene.sleeper());
    expect(status).toMatchObject({ state: 'running', adopted: false });
    expect(readStat(pid)?.state).toBe('Z');
    await parentEnds;
  });
});
