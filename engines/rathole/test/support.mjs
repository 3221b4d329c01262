// Drives the real programs. Everything is on 127.0.0.1, on ports from 20000 to 24999.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

const PATCHED = process.env.RATHOLE_PATCHED;
const RELEASED = released(process.env.RATHOLE_RELEASED);
/** Between those of `portBlock` and of `freePort` in test/product. */
const FIRST_PORT = 25_000;
const LAST_PORT = 27_999;
const TEST_MS = 120_000;

/**
 * `check` must pass on the patched program. Where RATHOLE_RELEASED names a released one, it must
 * fail there with an assertion, which shows that it can.
 */
export function contrast(name, check, { skip = false } = {}) {
  const options = { timeout: TEST_MS, skip };
  test(name, options, (t) => inScratch(t, patched(), check));
  if (!RELEASED) return;
  test(`released, must fail: ${name}`, options, async (t) => {
    await assert.rejects(
      () => inScratch(t, RELEASED, check),
      (error) => {
        if (error.code !== 'ERR_ASSERTION') throw error;
        t.diagnostic(error.message.split('\n')[0]);
        return true;
      },
    );
  });
}

/** What fails here says nothing of the program: it must not count as the failure that is awaited. */
export async function setUp(work) {
  try {
    return await work();
  } catch (error) {
    throw Object.assign(new Error(`Setting up: ${error.message}`), { code: 'ERR_SETUP' });
  }
}

/** What the patched one must do; the released one is not asked. */
export function behaviour(name, check) {
  test(name, { timeout: TEST_MS }, (t) => inScratch(t, patched(), check));
}

/** A released server with a patched client, and the other way round. RATHOLE_OTHER: another than it. */
export function mixedPairs(name, check) {
  const other = process.env.RATHOLE_OTHER || RELEASED;
  const skip = other ? false : 'RATHOLE_RELEASED is not set';
  const pairs = [
    ['patched server, released client', () => [patched(), other]],
    ['released server, patched client', () => [other, patched()]],
  ];
  for (const [pair, programs] of pairs) {
    test(`${pair}: ${name}`, { timeout: TEST_MS, skip }, async (t) => {
      const [server, client] = programs();
      await inScratch(t, server, (world) => check(world, { server, client }));
    });
  }
}

/** That it fails must show what the patches do, and not that it is another program. */
function released(program) {
  if (!program) return null;
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  assert.match(stdout ?? '', /^Build Version:\s+0\.5\.0$/m, `${program} is no released rathole`);
  return program;
}

function patched() {
  assert.ok(PATCHED, 'RATHOLE_PATCHED must name the program that build.mjs has built');
  return PATCHED;
}

async function inScratch(t, program, check) {
  const world = new World(t, program, await mkdtemp(join(tmpdir(), 'gopher-rathole-test-')));
  try {
    await check(world);
  } finally {
    await world.end();
  }
}

let nextPort = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));

/** A port that nobody has, as far as can be known. */
export async function freePort() {
  for (;;) {
    nextPort = nextPort >= LAST_PORT ? FIRST_PORT : nextPort + 1;
    const server = createServer();
    const isFree = await new Promise((done) => {
      server.once('error', () => done(false));
      server.listen(nextPort, '127.0.0.1', () => done(true));
    });
    if (isFree) await new Promise((done) => server.close(done));
    if (isFree) return nextPort;
  }
}

/** What one test started, and how it ends. */
class World {
  cleanups = [];
  files = 0;

  constructor(t, program, dir) {
    this.t = t;
    this.program = program;
    this.dir = dir;
    const [, privateKey, , , publicKey] = spawnSync(program, ['--genkey'], {
      encoding: 'utf8',
    }).stdout.split('\n');
    Object.assign(this, { privateKey, publicKey });
  }

  onEnd(cleanup) {
    this.cleanups.push(cleanup);
  }

  async end() {
    for (const cleanup of this.cleanups.reverse()) await cleanup();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 3 });
  }

  say(text) {
    this.t.diagnostic(text);
  }

  /** A rathole with a config of its own, which `rewrite` replaces as Gopher does: by rename. */
  async rathole(config, { program = this.program, env = {} } = {}) {
    const path = join(this.dir, `${(this.files += 1)}.toml`);
    await writeFile(path, config);
    const child = spawn(program, [path], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
    });
    const rathole = new Rathole(child, path);
    this.onEnd(() => rathole.kill());
    return rathole;
  }

  /** Answers every byte with itself, or what `serve` does with a connection. */
  async target(serve = (socket) => socket.pipe(socket)) {
    const sockets = new Set();
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
      serve(socket);
    });
    const port = await freePort();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.onEnd(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(done));
    });
    return { port, sockets };
  }

  /** A TCP connection that is closed at the end of the test at the latest. */
  async dial(port, timeoutMs = 2_000) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => {});
    this.onEnd(() => socket.destroy());
    await within(timeoutMs, `a connection to port ${port}`, once(socket, 'connect'));
    return socket;
  }

  serverConfig({ port, services, heartbeat = 30, key = this.privateKey, transport = 'noise' }) {
    return [
      '[server]',
      `bind_addr = "127.0.0.1:${port}"`,
      `heartbeat_interval = ${heartbeat}`,
      ...transportLines('server', transport, `local_private_key = "${key}"`),
      '[server.services]',
      ...services.flatMap(({ name, visitorPort, token = 'secret' }) => [
        `[server.services.${name}]`,
        `token = "${token}"`,
        `bind_addr = "127.0.0.1:${visitorPort}"`,
      ]),
    ].join('\n');
  }

  clientConfig({ port, services, key = this.publicKey, transport = 'noise' }) {
    return [
      '[client]',
      `remote_addr = "127.0.0.1:${port}"`,
      ...transportLines('client', transport, `remote_public_key = "${key}"`),
      '[client.services]',
      ...services.flatMap(({ name, targetPort, token = 'secret' }) => [
        `[client.services.${name}]`,
        `token = "${token}"`,
        `local_addr = "127.0.0.1:${targetPort}"`,
      ]),
    ].join('\n');
  }

  /** A server and a client that carry `names`, every one to an echo. */
  tunnel(names = ['a'], options = {}) {
    return setUp(() => this.open(names, options));
  }

  async open(names, { programs = {}, env, transport, serve }) {
    const target = await this.target(serve);
    const port = await freePort();
    const services = [];
    for (const name of names) {
      services.push({ name, visitorPort: await freePort(), targetPort: target.port });
    }
    const config = { port, services, transport };
    const server = await this.rathole(this.serverConfig(config), { program: programs.server, env });
    await listening(port);
    const client = await this.rathole(this.clientConfig(config), { program: programs.client });
    for (const { visitorPort } of services) await (serve ? listening : serves)(visitorPort);
    return { server, client, target, ...config };
  }
}

function transportLines(side, type, noise) {
  const table = [`[${side}.transport]`, `type = "${type}"`];
  return type === 'noise' ? [...table, `[${side}.transport.noise]`, noise] : table;
}

class Rathole {
  log = '';

  constructor(child, path) {
    this.child = child;
    this.path = path;
    this.ended = new Promise((done) => child.on('close', (code, signal) => done({ code, signal })));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (this.log += d));
  }

  get pid() {
    return this.child.pid;
  }

  get isRunning() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  async rewrite(config) {
    await writeFile(`${this.path}.new`, config);
    await rename(`${this.path}.new`, this.path);
  }

  says(pattern, timeoutMs = 5_000) {
    return eventually(() => pattern.test(this.log), timeoutMs, `${pattern} in the log`);
  }

  handles() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  residentMb() {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
  }
}

export async function within(timeoutMs, what, promise) {
  const timer = new AbortController();
  const late = sleep(timeoutMs, 'late', { signal: timer.signal }).catch(() => {});
  const first = await Promise.race([promise.then(() => 'done'), late]).finally(() => timer.abort());
  assert.notEqual(first, 'late', `${what} took longer than ${timeoutMs} ms`);
  return promise;
}

export async function eventually(isTrue, timeoutMs, what) {
  const start = performance.now();
  while (!(await isTrue())) {
    assert.ok(performance.now() - start < timeoutMs, `not within ${timeoutMs} ms: ${what}`);
    await sleep(10);
  }
  return performance.now() - start;
}

export function listening(port, timeoutMs = 5_000) {
  return eventually(async () => (await outcome(port)) === 'accepted', timeoutMs, `port ${port}`);
}

/** What a visitor's connect meets: accepted, or refused, or silence. */
export async function outcome(port) {
  const socket = connect({ port, host: '127.0.0.1' });
  const result = await Promise.race([
    once(socket, 'connect').then(
      () => 'accepted',
      ({ code }) => code,
    ),
    sleep(1_000, 'silence'),
  ]);
  socket.destroy();
  return result;
}

/** One visit on a connection of its own: how many ms until its bytes were back, or null. */
export async function visit(port, timeoutMs = 2_000) {
  const start = performance.now();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const answer = new Promise((done) => {
    socket.on('data', () => done(true));
    socket.on('close', () => done(false));
    socket.on('error', () => done(false));
  });
  socket.on('connect', () => socket.write('hello'));
  const isBack = await Promise.race([answer, sleep(timeoutMs, false)]);
  socket.destroy();
  return isBack ? performance.now() - start : null;
}

export async function serves(port, timeoutMs = 5_000) {
  return eventually(async () => (await visit(port, 500)) !== null, timeoutMs, `bytes on ${port}`);
}

/** The times of `count` visits, one after another, the shortest first. Ends with one that failed. */
export async function visits(port, count) {
  const times = [];
  while (times.length < count && !times.includes(Infinity)) {
    times.push((await visit(port)) ?? Infinity);
  }
  return times.sort((a, b) => a - b);
}

export const p99 = (sorted) =>
  sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * 0.99) - 1)];

/** Whether a connection still carries bytes there and back. */
export async function echoes(socket, timeoutMs = 1_000) {
  if (socket.destroyed || !socket.writable) return false;
  const back = Promise.race([
    once(socket, 'data').then(
      () => true,
      () => false,
    ),
    once(socket, 'close').then(() => false),
    sleep(timeoutMs, false),
  ]);
  socket.write('x');
  return back;
}

/** The established connections whose near end is `port`. */
export function connectionsTo(port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, near, , state]) => near?.endsWith(local) && state === '01').length;
}
