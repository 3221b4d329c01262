import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Summary } from '../src/console/summary.js';
import { TestTrial } from './trial-run.js';

/** A second start, and one after everything was stopped. */
const SECOND_START_MS = 5_000;
const ENGINES = ['server/run/rathole-server', 'server/run/postgres'];
const CLIENTS = ['agent/processes/control', 'agent/processes/data'];

describe('npm start', () => {
  const parent = mkdtempSync(join(tmpdir(), 'gopher trial '));
  const trial = new TestTrial(join(parent, 'state'));
  const pids = (names: string[]) => names.map((name) => trial.pid(name));
  const summaryOf = ({ out }: { out: string }) => JSON.parse(out) as Summary;
  const page = async (url: string) => (await fetch(url)).text();

  /** Everything runs when it resolves, and nobody looks after it. */
  const startDetached = async (env = {}) => {
    const result = await trial.run(['start', '--detach', '--json'], env);
    if (result.code !== 0) throw new Error(result.err);
    return { summary: summaryOf(result), ms: result.ms };
  };
  let first: Summary;

  afterAll(async () => {
    await trial.run(['stop', '--purge']);
    rmSync(parent, { recursive: true, force: true });
  });

  it('serves a page through a tunnel of an enrolled machine, from nothing', async () => {
    ({ summary: first } = await startDetached());
    expect(await page(first.tunnel!.url)).toContain('It works.');
    expect(await page(first.docs)).toContain('swagger');
    expect(await trial.call('GET', `/machines/${first.machineId}/status`)).toMatchObject({
      agent: { status: 'up' },
    });
    expect(existsSync(first.tokenFile)).toBe(true);
  });

  it('takes over what runs, within five seconds', async () => {
    const before = pids([...ENGINES, ...CLIENTS, 'trial/gopher-server', 'trial/gopher-agent']);
    const { summary, ms } = await startDetached();
    expect(summary).toEqual(first);
    expect(ms).toBeLessThan(SECOND_START_MS);
    expect(pids([...ENGINES, ...CLIENTS, 'trial/gopher-server', 'trial/gopher-agent'])).toEqual(
      before,
    );
  });

  it('leaves the tunnel serving when the server is killed, and adopts the engines', async () => {
    const engines = pids([...ENGINES, ...CLIENTS]);
    process.kill(trial.pid('trial/gopher-server'), 'SIGKILL');
    expect(await page(first.tunnel!.url)).toContain('It works.');
    const { summary, ms } = await startDetached();
    expect(summary).toEqual(first);
    expect(ms).toBeLessThan(SECOND_START_MS);
    expect(pids([...ENGINES, ...CLIENTS])).toEqual(engines);
  });

  it('restarts server and agent alone when their settings changed', async () => {
    const [engines, server] = [pids([...ENGINES, ...CLIENTS]), trial.pid('trial/gopher-server')];
    await startDetached({ GOPHER_LOG_LEVEL: 'warn' });
    expect(trial.pid('trial/gopher-server')).not.toBe(server);
    expect(pids([...ENGINES, ...CLIENTS])).toEqual(engines);
  });

  it('joins the machine again when somebody removed it', async () => {
    await trial.call('DELETE', `/machines/${first.machineId}`);
    const { summary } = await startDetached();
    expect(summary.machineId).not.toBe(first.machineId);
    expect(await page(summary.tunnel!.url)).toContain('It works.');
    first = summary;
  });

  it('stops everything, and starts again with the same addresses', async () => {
    expect((await trial.run(['stop'])).code).toBe(0);
    expect(trial.processes()).toEqual([]);
    const { summary, ms } = await startDetached();
    expect(summary).toEqual(first);
    expect(ms).toBeLessThan(SECOND_START_MS);
  });

  it('starts again in the foreground what is killed, and ends with all of it on SIGINT', async () => {
    const run = trial.begin(['start']);
    await run.said('Publish another local port');
    process.kill(trial.pid('trial/gopher-server'), 'SIGKILL');
    await run.said('gopher-server runs again');
    run.child.kill('SIGINT');
    const { code } = await run.kill('SIGINT'); // npm and the terminal both send it
    expect(code).toBe(0);
    expect(trial.processes()).toEqual([]);
  });

  it('tells a second start that one is in the foreground, and ends when npm stop is typed', async () => {
    const run = trial.begin(['start']);
    await run.said('Publish another local port');
    const second = await trial.run(['start', '--json']);
    expect(second).toMatchObject({ code: 0 });
    expect(second.err).toContain(`process ${run.child.pid} looks after it`);
    expect(summaryOf(second)).toEqual(first);
    expect(await trial.run(['stop'])).toMatchObject({ code: 0 });
    expect(await run.ended()).toMatchObject({ code: 0 });
    expect(trial.processes()).toEqual([]);
  });

  it('goes on when the foreground is killed', async () => {
    const run = trial.begin(['start']);
    await run.said('Publish another local port');
    await run.kill('SIGKILL');
    expect(await page(first.tunnel!.url)).toContain('It works.');
    const { summary } = await startDetached();
    expect(summary).toEqual(first);
  });

  it('leaves no process and no file after npm stop --purge', async () => {
    const home = dirname(trial.memory().database.dataDir);
    expect(existsSync(home)).toBe(true);
    expect(await trial.run(['stop', '--purge'])).toMatchObject({ code: 0 });
    expect(trial.processes()).toEqual([]);
    expect([trial.directory, home].filter(existsSync)).toEqual([]);
    const again = await trial.run(['stop']);
    expect(again).toMatchObject({ code: 0 });
    expect(again.out).toContain('Nothing of the trial runs');
  });

  it('says which port is taken and by what, and starts nothing', async () => {
    const server = createServer().listen(Number(trial.env['GOPHER_TRIAL_CHECK_PORT']), '127.0.0.1');
    await once(server, 'listening');
    const { code, err } = await trial.run(['start', '--detach']);
    server.close();
    expect(code).toBe(2);
    expect(err).toContain(`Port ${trial.env['GOPHER_TRIAL_CHECK_PORT']}`);
    expect(err).toContain(`process ${process.pid}: ${readArgv(process.pid)}`);
    expect(err).toContain('GOPHER_TRIAL_CHECK_PORT=');
    expect(trial.processes()).toEqual([]);
  });

  it('runs the server without rathole, and says on console and API what to do', async () => {
    const missing = { GOPHER_RATHOLE: '/nowhere/rathole' };
    const result = await trial.run(['start', '--detach'], missing);
    expect(result).toMatchObject({ code: 1 });
    expect(result.out).toContain('/nowhere/rathole');
    expect(result.out).toContain('What to do:');
    expect(await trial.call('GET', '/edge')).toMatchObject({
      rathole: { state: 'missing', problem: expect.stringContaining('/nowhere/rathole') },
    });
    const { summary } = await startDetached();
    expect(await page(summary.tunnel!.url)).toContain('It works.');
  });

  it('leaves nothing behind when it is interrupted before it is ready', async () => {
    await trial.run(['stop', '--purge']);
    const run = trial.begin(['start']);
    await vi.waitFor(() => trial.pid('trial/gopher-server'), { timeout: 10_000 });
    expect(await run.kill('SIGTERM')).toMatchObject({ code: 143 });
    expect(trial.processes()).toEqual([]);
  });
});

const readArgv = (pid: number): string =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1).join(' ');
