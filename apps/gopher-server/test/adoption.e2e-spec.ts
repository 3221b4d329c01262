import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  HttpTarget,
  portBlock,
  Program,
  repositoryPath,
  TestEdge,
  TestMachine,
  type TunnelView,
  until,
  untilServes,
  visit,
  Visitors,
} from '../../../test/product/index.js';

type Engine = 'rathole-server' | 'postgres';

const MAIN = repositoryPath('apps/gopher-server/dist/main.js');

/** Real here: the whole product; what one gopher-server leaves behind is what the next one finds. */
describe('a gopher-server that starts', () => {
  let edge: TestEdge;
  let machine: TestMachine;
  let target: HttpTarget;
  let tunnel: TunnelView;
  const bystanders: ChildProcess[] = [];

  beforeAll(async () => {
    edge = await TestEdge.start();
    machine = await TestMachine.join(edge, 'attic');
    target = await HttpTarget.start(edge.ports.next());
    tunnel = await edge.publish(machine.id, target.address);
  });

  afterAll(async () => {
    for (const bystander of bystanders) bystander.kill('SIGKILL');
    target?.close();
    await machine?.stop();
    await edge?.stop();
  });

  const pidFile = (name: Engine) => join(edge.stateDir, 'run', `${name}.pid.json`);
  const readRecord = (name: Engine) =>
    JSON.parse(readFileSync(pidFile(name), 'utf8')) as Record<string, unknown>;
  const rathole = async () =>
    (await edge.api<{ rathole: { pid: number; adopted: boolean; state: string } }>('GET', '/edge'))
      .rathole;
  const lives = (pid: number) => existsSync(`/proc/${pid}`) && !isZombie(pid);
  const isZombie = (pid: number) =>
    /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  const serves = (timeoutMs = 10_000) => untilServes(tunnel.address, target.name, timeoutMs);
  const known = async () =>
    (await edge.api<{ items: { name: string }[] }>('GET', '/machines')).items.map(
      ({ name }) => name,
    );

  /** Nobody's business of ours, with a pid that a pid file may name by mistake. */
  const bystander = (): number => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    bystanders.push(child);
    return child.pid!;
  };
  const startTicks = (pid: number) =>
    Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(1)!.split(' ')[19]);

  const kill = async (pid: number) => {
    process.kill(pid, 'SIGKILL');
    await until(`process ${pid} is gone`, () => !lives(pid));
  };

  /** PostgreSQL's own lock file. */
  const postmaster = () => {
    const file = join(edge.databaseDir, 'data', 'postmaster.pid');
    const [pid, , , , socketDir = ''] = readFileSync(file, 'utf8').split('\n');
    return { file, pid: Number(pid), socketDir };
  };

  /** Its parent never waits for it, and ends later. PostgreSQL heeds only pids of its own user. */
  const zombieForTwoSeconds = async (uid: number): Promise<number> => {
    const script = 'sleep 0 & echo $!; exec sleep 2';
    const parent = spawn('/bin/sh', ['-c', script], { uid, stdio: ['ignore', 'pipe', 'ignore'] });
    bystanders.push(parent);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line);
    await until('it is a zombie', () => isZombie(pid));
    return pid;
  };

  /** While gopher-server is killed, and then started again. */
  const whileAway = async (change: () => Promise<void> | void) => {
    await edge.endServer('SIGKILL');
    await change();
    await edge.startServer();
  };

  it('starts what only a stale pid file tells of', async () => {
    const before = [edge.enginePid('rathole-server'), edge.enginePid('postgres')];
    await whileAway(async () => {
      for (const pid of before) await kill(pid);
    });
    await serves();
    expect(await rathole()).toMatchObject({ state: 'running', adopted: false });
    expect(before).not.toContain((await rathole()).pid);
    expect(before).not.toContain(edge.enginePid('postgres'));
    expect(await known()).toEqual(['attic']);
  });

  it.for([
    ['with another start time', (pid: number) => ({ pid })],
    ['with another command line', (pid: number) => ({ pid, startTicks: startTicks(pid) })],
    [
      'as of another boot',
      (pid: number) => ({ pid, startTicks: startTicks(pid), argv: ['sleep', '600'], bootId: 'x' }),
    ],
  ] as const)('leaves alone what got the pid of its engine, %s', async ([, recycled]) => {
    const innocent = bystander();
    await whileAway(async () => {
      await kill(edge.enginePid('rathole-server'));
      const record = { ...readRecord('rathole-server'), ...recycled(innocent) };
      writeFileSync(pidFile('rathole-server'), JSON.stringify(record));
    });
    await serves();
    expect(await rathole()).toMatchObject({ state: 'running', adopted: false });
    expect((await rathole()).pid).not.toBe(innocent);
    expect(lives(innocent)).toBe(true);
  });

  it.for([
    ['the pid file is of another boot', 'another boot'],
    ['the pid file is gone', 'gone'],
    ['the pid file is cut off', 'cut off'],
  ] as const)('adopts orphans of its engines when %s', async ([, what]) => {
    const engines = ['rathole-server', 'postgres'] as const;
    const before = engines.map((name) => edge.enginePid(name));
    const visitors = new Visitors(tunnel.address, target.name);
    await whileAway(() => {
      for (const name of engines) {
        const record = JSON.stringify({ ...readRecord(name), bootId: 'another' });
        if (what === 'gone') rmSync(pidFile(name));
        else writeFileSync(pidFile(name), what === 'cut off' ? record.slice(0, 40) : record);
      }
    });
    expect((await visitors.end()).failures).toEqual([]);
    expect(engines.map((name) => edge.enginePid(name))).toEqual(before);
    expect(await rathole()).toMatchObject({ pid: before[0], adopted: true });
    expect(edge.serverLog()).toContain(`postgres (pid ${before[1]}) runs and was adopted`);
    expect(await known()).toEqual(['attic']);
  });

  it('opens the database of a PostgreSQL that was killed together with it', async ({
    annotate,
  }) => {
    const postgres = edge.enginePid('postgres');
    const visitors = new Visitors(tunnel.address, target.name);
    process.kill(postgres, 'SIGKILL');
    await edge.endServer('SIGKILL');
    expect(postmaster().pid).toBe(postgres);
    const began = performance.now();
    await edge.startServer();
    await annotate(`ready after ${Math.round(performance.now() - began)} ms`);
    expect((await visitors.end()).failures).toEqual([]);
    expect(edge.enginePid('postgres')).not.toBe(postgres);
    expect(await known()).toEqual(['attic']);
  });

  it('waits while a killed PostgreSQL is a zombie that still has the lock', async ({
    annotate,
  }) => {
    const postgres = edge.enginePid('postgres');
    let zombie = 0;
    let began = 0;
    await whileAway(async () => {
      await kill(postgres);
      zombie = await zombieForTwoSeconds(statSync(postmaster().file).uid);
      const lock = readFileSync(postmaster().file, 'utf8');
      writeFileSync(postmaster().file, lock.replace(/^\d+/, String(zombie)));
      began = performance.now();
    });
    await annotate(`ready after ${Math.round(performance.now() - began)} ms`);
    expect(existsSync(`/proc/${zombie}`)).toBe(false);
    expect(await known()).toEqual(['attic']);
    await serves();
  });

  describe('beside another one', () => {
    const engines = () => [edge.enginePid('rathole-server'), edge.enginePid('postgres')];

    /** Resolves with what it said, once it gave up. */
    const refused = async (settings: Record<string, string>): Promise<string> => {
      const log = join(edge.directory, `second-${Date.now()}.log`);
      const ports = portBlock();
      const environment = {
        ...edge.environment(),
        GOPHER_PORT: String(ports.api),
        GOPHER_RATHOLE_BIND: `127.0.0.1:${ports.rathole}`,
        ...settings,
      };
      const second = Program.start([MAIN], environment, log);
      try {
        await until('it says why it ends', () => second.log().includes('gopher-server: '));
        await until('it ended', () => !second.running, 3_000);
        expect(second.exitCode).toBe(1);
        return second.log();
      } finally {
        await second.end('SIGKILL');
        // Had it not been refused, it would have engines of its own by now.
        if ('GOPHER_STATE_DIR' in settings) {
          await Program.start([MAIN, 'stop'], environment, log).exited;
        }
      }
    };

    const expectUndisturbed = async (before: number[]) => {
      expect(engines()).toEqual(before);
      expect(before.every(lives)).toBe(true);
      expect((await fetch(`${edge.url}/readyz`)).status).toBe(200);
      expect(await visit(tunnel.address)).toBe(target.name);
    };

    it('refuses the same state directory and says who has it', async () => {
      const before = engines();
      const said = await refused({});
      expect(said).toContain(`${edge.stateDir} is in use by process ${edge.serverPid} since `);
      expect(said).not.toMatch(/^\s+at /m);
      await expectUndisturbed(before);
    });

    it('refuses the same edge in the database and says who has it', async () => {
      const before = engines();
      const copy = join(edge.directory, 'copy');
      mkdirSync(copy);
      // As a backup has it, without the database.
      for (const name of readdirSync(edge.stateDir)) {
        if (!['database', 'run', 'instance.lock'].includes(name)) {
          cpSync(join(edge.stateDir, name), join(copy, name), { recursive: true });
        }
      }
      const socket = encodeURIComponent(postmaster().socketDir);
      const url = `postgresql://gopher@localhost/gopher?host=${socket}`;
      const said = await refused({ GOPHER_STATE_DIR: copy, DATABASE_URL: url });
      expect(said).toMatch(/Another gopher-server looks after this edge/);
      expect(said).toContain(`gopher-server ${edge.serverPid} on `);
      expect(said).not.toMatch(/^\s+at /m);
      expect(existsSync(join(copy, 'run', 'rathole-server.pid.json'))).toBe(false);
      await expectUndisturbed(before);
    });
  });
});
