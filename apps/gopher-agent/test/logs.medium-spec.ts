import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { type GetLogsRequest, LogLevel, LogSource } from '@gopher/proto';
import { ProcessCost } from '../../../test/product/process-cost.js';
import { until } from '../../../test/product/until.js';
import type { AgentCaller } from './agent-caller.js';
import { TestMachine } from './agent-process.js';
import type { LogStream } from './log-stream.js';

const WRITER = fileURLToPath(new URL('./write-log.mjs', import.meta.url));
const READER = fileURLToPath(new URL('./read-logs.mjs', import.meta.url));
const RATE = 100_000;
const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** What the agent may hold more than before: buffers, and what V8 has not collected yet. */
const MORE_MB = 8;
/** What a rotation took is told by an entry. */
const LOSS_NOTICES = 10;

interface Written {
  written: number;
  perSecond: number;
}

/** A real process writes, as fast as it can up to RATE. */
async function flood(path: string, seconds: number, format: 'json' | 'rathole'): Promise<Written> {
  const args = [WRITER, path, String(RATE), String(seconds), format];
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  writer.stdout.on('data', (chunk) => (out += String(chunk)));
  await once(writer, 'close');
  const flooded = JSON.parse(out) as Written;
  // Short of that it is no flood.
  expect(flooded.perSecond).toBeGreaterThan(RATE * 0.7);
  return flooded;
}

/** The agent as it is shipped, with its own flags and limits, whose log is a file. */
describe('a log that is written at 100,000 lines a second', () => {
  let machine: TestMachine;
  let cost: ProcessCost;
  const readers: LogStream[] = [];

  beforeAll(async () => {
    machine = await TestMachine.open();
    machine.useBundle();
    machine.useLogFile();
    await machine.edge.serveTunnels(machine.ports.agent, machine.ports.check);
    const { code, err } = await machine.enroll();
    if (code !== 0) throw new Error(err);
    await machine.run();
    cost = new ProcessCost(machine.agent!.pid!);
  });
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.cancel();
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  /** The most that the agent holds while `work` goes on. */
  async function peak(work: Promise<unknown>): Promise<{ resident: number; anonymous: number }> {
    let most = cost.memory();
    const look = setInterval(() => {
      const now = cost.memory();
      if (now.anonymous > most.anonymous) most = now;
    }, 50);
    await work.finally(() => clearInterval(look));
    return most;
  }

  function follow(
    request: Partial<GetLogsRequest> = {},
    caller = machine.caller(machine.ports.agent),
  ): LogStream {
    const reader = caller.logs({ source: LogSource.AGENT, tail: 0, follow: true, ...request });
    readers.push(reader);
    return reader;
  }

  it('reaches a reader in part, who is told how much is missing, in bounded memory', async () => {
    const reader = follow();
    await reader.caughtUp();
    const before = cost.memory();
    const writing = flood(machine.logFile!, 5, 'json');
    const most = await peak(writing);
    const { written, perSecond } = await writing;
    await reader.until('the last line', () => endsWith(reader, written));
    report('whole log', { before, most, perSecond, received: reader.received, written });
    expect(reader.received + reader.dropped).toBe(written);
    expect(reader.received).toBeGreaterThan(500);
    expect(reader.dropped).toBeGreaterThan(written / 2);
    expect(most.anonymous - before.anonymous).toBeLessThan(MORE_MB);
  });

  it('is searched for what a reader wants, and nothing of that is lost while it fits', async () => {
    const reader = follow({ leastLevel: LogLevel.WARN, contains: 'FLOOD line' });
    await reader.caughtUp();
    const before = cost.memory();
    const writing = flood(machine.logFile!, 3, 'json');
    const most = await peak(writing);
    const { written, perSecond } = await writing;
    const wanted = Math.ceil(written / 1_000);
    await reader.until('the last wanted line', () => reader.received + reader.dropped >= wanted);
    report('filtered', { before, most, perSecond, received: reader.received, wanted });
    expect([reader.received, reader.dropped]).toEqual([wanted, 0]);
    expect(most.anonymous - before.anonymous).toBeLessThan(MORE_MB);
  });

  it('of the data client, which the agent itself follows, is cut at its cap meanwhile', async () => {
    const reader = follow({ source: LogSource.DATA_CLIENT });
    await reader.caughtUp();
    const before = cost.memory();
    const log = machine.file('processes', 'data.log');
    const writing = flood(log, 12, 'rathole');
    const most = await peak(writing);
    const { written, perSecond } = await writing;
    await reader.until('the last line', () => endsWith(reader, written), 30_000);
    // What the agent reads to cut it is no part of what follows.
    await until('the log is cut', () => statSync(log).size < MAX_LOG_BYTES);
    const told = reader.received + reader.dropped;
    report('data client', { before, most, perSecond, told, written });
    expect(told).toBeLessThanOrEqual(written + LOSS_NOTICES);
    expect(told).toBeGreaterThan(written * 0.99);
    expect(most.anonymous - before.anonymous).toBeLessThan(MORE_MB);
  });

  it('costs nothing while its reader does not take it, who is told afterwards', async () => {
    // More than fits between the two: the agent has to wait.
    const reader = follow({ tail: 10_000 });
    reader.pause();
    await settled();
    const before = { ...cost.memory(), cpu: cost.cpu(), bytesRead: cost.bytesRead() };
    const second = await flood(machine.logFile!, 5, 'json');
    const after = { ...cost.memory(), cpu: cost.cpu(), bytesRead: cost.bytesRead() };
    report('stalled', { before, after, perSecond: second.perSecond });
    expect(after.cpu - before.cpu).toBeLessThan(0.1);
    expect(after.bytesRead - before.bytesRead).toBeLessThan(256 * 1024);
    expect(after.anonymous - before.anonymous).toBeLessThan(1);
    reader.resume();
    const written = 10_000 + second.written;
    await reader.until('the rest', () => reader.received + reader.dropped >= written);
    expect(reader.received + reader.dropped).toBe(written);
  });

  it.each([
    ['cancels its call', (reader: LogStream) => reader.cancel()],
    ['closes its connection', (_: LogStream, caller: AgentCaller) => caller.close()],
  ])('leaves nothing behind when its reader %s', async (_how, leave) => {
    const before = await settledHandles();
    const callers = Array.from({ length: 8 }, () => machine.caller(machine.ports.agent));
    const all = callers.map((caller) => follow({ tail: 10, source: 0 }, caller));
    for (const reader of all) await reader.caughtUp();
    await until('all of them wait', () => cost.handles().watches > before.watches);
    all[0]!.pause();
    await flood(machine.logFile!, 1, 'json');
    all.forEach((reader, i) => leave(reader, callers[i]!));
    for (const caller of callers) caller.close();
    await until('everything is gone', () => isSame(cost.handles(), before));
  });

  it('leaves nothing behind when its reader is killed', async () => {
    const before = await settledHandles();
    const reader = startReader(machine);
    await once(reader.stdout, 'data');
    expect(isSame(cost.handles(), before)).toBe(false);
    reader.kill('SIGKILL');
    await until('everything is gone', () => isSame(cost.handles(), before));
  });

  it('has room for 8 readers, and for another when one has left', async () => {
    const caller = machine.caller(machine.ports.agent);
    const all = Array.from({ length: 8 }, () => follow({}, caller));
    for (const reader of all) await reader.caughtUp();
    await expect(caller.logs({}).end()).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: '8 readers have the logs of this machine open already; close one of them',
    });
    all[3]!.cancel();
    await until('there is room', () => caller.logs({}).end());
  });

  /** Nothing that a former reader had is still on its way. */
  async function settledHandles() {
    let last = cost.handles();
    await until('the handles are settled', async () => {
      await delay(300);
      const now = cost.handles();
      const same = isSame(now, last);
      last = now;
      return same;
    });
    return last;
  }

  /** Until the agent reads no more. */
  async function settled(): Promise<void> {
    let last = cost.bytesRead();
    await until('the agent is at rest', async () => {
      await delay(500);
      const now = cost.bytesRead();
      const isAtRest = now - last < 64 * 1024;
      last = now;
      return isAtRest;
    });
  }
});

const endsWith = (reader: LogStream, written: number): boolean =>
  reader.texts.at(-1)?.includes(`line ${written - 1} `) ?? false;

const isSame = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b);

const report = (what: string, figures: object): void => console.log(what, figures);

/** Somebody else's process that follows the logs. */
function startReader(machine: TestMachine) {
  const { edge, ports } = machine;
  const config = {
    port: ports.agent,
    machineId: edge.machineId,
    ca: edge.ca.certificatePem,
    key: edge.serverKeyPem,
    certificate: edge.serverCertificatePem,
  };
  return spawn(process.execPath, [READER, JSON.stringify(config)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
