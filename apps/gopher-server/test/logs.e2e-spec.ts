import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { configSecrets } from '@gopher/rathole';
import {
  NODE,
  ratholePath,
  repositoryPath,
  TcpTarget,
  TestEdge,
  TestMachine,
  until,
} from '../../../test/product/index.js';
import { LogFollower, type LogEntryView } from '../../../test/product/log-follower.js';
import { ProcessCost } from '../../../test/product/process-cost.js';

const WRITER = repositoryPath('apps/gopher-agent/test/write-log.mjs');
const RATE = 100_000;

interface Page {
  entries: LogEntryView[];
  dropped: number;
}

describe('the logs of a machine and of the edge', () => {
  let edge: TestEdge;
  let machine: TestMachine;
  let joinToken: string;

  beforeAll(async () => {
    edge = await TestEdge.start({ GOPHER_LOG_LEVEL: 'debug' });
    const created = await edge.createMachine('attic');
    joinToken = created.join.token;
    machine = TestMachine.of(edge, created, { GOPHER_AGENT_LOG_LEVEL: 'debug' });
    await machine.enrol(created.join.command);
    await machine.startAgent();
    await machine.untilUp();
  });
  afterAll(async () => {
    await machine?.stop();
    await edge?.stop();
  });

  const page = (path: string) => edge.call<Page>('GET', path);
  const logs = (query: string) => `/machines/${machine.id}/logs${query}`;
  const clientLog = (name: 'control' | 'data') =>
    join(machine.stateDir, 'processes', `${name}.log`);

  /** A real process writes into that log. @param lines resolves with how many */
  async function flood(path: string, seconds: number): Promise<number> {
    const args = [WRITER, path, String(RATE), String(seconds), 'json'];
    const { stdout } = await promisify(execFile)(NODE, args);
    return (JSON.parse(stdout) as { written: number }).written;
  }

  it('come as one page, in the order of time, each from where it is written', async () => {
    const { status, body } = await page(logs(''));
    expect(status).toBe(200);
    expect(new Set(body.entries.map(({ source }) => source))).toEqual(
      new Set(['agent', 'control', 'data']),
    );
    const times = body.entries.flatMap(({ at }) => at ?? []);
    expect(times).toEqual([...times].sort());
    expect(body.entries.map(({ text }) => text).join('\n')).toContain('serves the edge');
    const { body: ofEdge } = await page('/edge/logs');
    expect(new Set(ofEdge.entries.map(({ source }) => source))).toEqual(
      new Set(['server', 'rathole']),
    );
  });

  it('are filtered on the machine', async () => {
    const { body } = await page(logs('?source=control&contains=ESTABLISHED&level=info&tail=1'));
    expect(body.entries).toMatchObject([
      { source: 'control', level: 'info', text: expect.stringContaining('channel established') },
    ]);
    expect((await page(logs('?since=2999-01-01T00:00:00Z'))).body.entries).toEqual([]);
  });

  it('can be had as a file', async () => {
    const { headers, body } = await edge.call<string>('GET', logs('/download'));
    expect(headers.get('content-type')).toContain('text/plain');
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="gopher-${machine.id}.log"`,
    );
    expect(body).toMatch(/^\S+Z INFO agent .*serves the edge/m);
    expect((await edge.call('HEAD', logs('/follow'))).status).toBe(200);
  });

  it('tell their reader how much passed by, and leave nothing behind when he goes', async () => {
    const agent = new ProcessCost(machine.agent!.pid);
    const server = new ProcessCost(edge.serverPid);
    await settled(() => agent.handles().watches);
    const before = { agent: agent.handles(), server: server.handles() };
    const follower = await LogFollower.open(edge, logs('/follow?tail=0&source=agent'));
    expect(agent.handles().watches).toBe(before.agent.watches + 1);
    const memory = { agent: agent.memory(), server: server.memory() };
    const written = await flood(machine.agent!.logFile, 4);
    await follower.until('the last line', () =>
      follower.texts.at(-1)!.includes(` ${written - 1} `),
    );
    const after = { agent: agent.memory(), server: server.memory() };
    console.log('flood', { memory, after, received: follower.entries.length, written });
    expect(follower.entries.length + follower.dropped).toBe(written);
    expect(after.agent.anonymous - memory.agent.anonymous).toBeLessThan(8);
    follower.close();
    await until('nothing is left', () => {
      const now = { agent: agent.handles(), server: server.handles() };
      if (JSON.stringify(now) === JSON.stringify(before)) return true;
      throw new Error(JSON.stringify({ now, before }));
    });
  });

  it('cost nothing while an HTTP reader stalls, who is told afterwards', async () => {
    const agent = new ProcessCost(machine.agent!.pid);
    const server = new ProcessCost(edge.serverPid);
    const text = 'y'.repeat(1_000);
    const line = `${JSON.stringify({ at: new Date(), level: 'info', message: text })}\n`;
    appendFileSync(machine.agent!.logFile, line.repeat(10_000));
    const follower = await LogFollower.open(
      edge,
      logs('/follow?tail=10000&source=agent'),
      (opened) => opened.pause(),
    );
    await settled(() => agent.bytesRead(), 64 * 1024);
    const before = figures();
    const written = await flood(machine.agent!.logFile, 4);
    const after = figures();
    console.log('stalled', { before, after, written });
    expect(after.read - before.read).toBeLessThan(512 * 1024);
    // The status of the machine goes on meanwhile.
    expect(after.cpu - before.cpu).toBeLessThan(0.25);
    expect(after.agent - before.agent).toBeLessThan(2);
    expect(after.server - before.server).toBeLessThan(8);
    expect((await edge.status(machine.id)).agent?.status).toBe('up');
    follower.resume();
    await follower.until(
      'the rest',
      () => follower.entries.length + follower.dropped >= 10_000 + written,
    );
    expect(follower.entries.length + follower.dropped).toBe(10_000 + written);
    follower.close();

    function figures() {
      return {
        agent: agent.memory().anonymous,
        server: server.memory().anonymous,
        cpu: agent.cpu(),
        read: agent.bytesRead(),
      };
    }
  });

  it('end with why when the agent goes', async () => {
    const follower = await LogFollower.open(edge, logs('/follow?tail=0'));
    await machine.endAgent('SIGKILL');
    await follower.until('the end', () => follower.ended !== null);
    expect(follower.ended).toContain(`The agent of machine ${machine.id} did not answer`);
    const { status, body } = await page(logs(''));
    await machine.startAgent();
    await machine.untilUp();
    expect([status, body]).toMatchObject([502, { type: 'urn:gopher:problem:agent-unreachable' }]);
  });

  it('never tell a secret, however talkative everybody is', async () => {
    const targetPort = edge.ports.next();
    const target = await TcpTarget.listen(targetPort);
    const tunnel = await edge.publish(machine.id, `127.0.0.1:${targetPort}`);
    const secrets = everySecret();
    expect(secrets.length).toBeGreaterThan(10);
    await talkativeClient();
    const places = [machine.agent!.logFile, clientLog('control'), clientLog('data')];
    places.push(join(edge.directory, 'server.log'), join(edge.stateDir, 'run/rathole-server.log'));
    for (const place of places) for (const secret of secrets) appendFileSync(place, spoken(secret));
    const shown: string[] = [];
    for (const of of [`/machines/${machine.id}/logs`, '/edge/logs']) {
      shown.push(JSON.stringify((await page(`${of}?tail=10000`)).body));
      shown.push((await edge.call<string>('GET', `${of}/download?tail=10000`)).body);
    }
    const all = shown.join('\n');
    expect(all).toMatch(/^\S+ DEBUG data /m);
    expect(all.match(/it said \*\*\* and went/g)!.length).toBeGreaterThan(secrets.length);
    for (const secret of secrets) expect(all).not.toContain(secret);
    expect(all).toContain(tunnel.id);
    await target.stop();
  });

  /** Everything that the edge and the machine keep to themselves. */
  function everySecret(): string[] {
    const read = (...path: string[]) => readFileSync(join(...path), 'utf8');
    const { credentials } = JSON.parse(read(machine.stateDir, 'enrolment.json')) as {
      credentials: { keyPem: string };
    };
    return [
      ...configSecrets(read(edge.stateDir, 'rathole/server.toml')),
      ...configSecrets(read(machine.stateDir, 'rathole/control.toml')),
      ...configSecrets(read(machine.stateDir, 'rathole/data.toml')),
      ...credentials.keyPem.split('\n').filter((line) => line.length > 20 && !line.startsWith('-')),
      joinToken,
      edge.token,
      read(edge.stateDir, 'secret.key').trim(),
    ];
  }

  /** A client with the machine's configuration that says all it can, into the log of the data client. */
  async function talkativeClient(): Promise<void> {
    const log = openSync(clientLog('data'), 'a');
    const file = join(machine.stateDir, 'rathole', 'control.toml');
    const env = { RUST_LOG: 'trace' };
    const client = spawn(await ratholePath(), ['--client', file], {
      env,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await delay(1_500);
    client.kill('SIGKILL');
    await once(client, 'exit');
    await machine.untilUp();
  }

  /** Resolves once that number does not grow by more than `most` any more. */
  async function settled(look: () => number, most = 0): Promise<void> {
    let last = look();
    await until('it is at rest', async () => {
      await delay(500);
      const now = look();
      const isAtRest = Math.abs(now - last) <= most;
      last = now;
      return isAtRest;
    });
  }
});

/** In ways in which programs tell more than they should. */
function spoken(secret: string): string {
  const at = new Date().toISOString();
  return [
    `it said ${secret} and went`,
    `${at}  INFO rathole: token = "${secret}"`,
    JSON.stringify({ at, level: 'info', message: `Bearer ${secret}`, details: [{ secret }] }),
    JSON.stringify({ level: 30, time: Date.now(), msg: `http://gopher:${secret}@127.0.0.1/` }),
    '',
  ].join('\n');
}
