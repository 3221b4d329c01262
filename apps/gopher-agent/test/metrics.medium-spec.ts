import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StreamMetricsResponse } from '@gopher/proto';
import { freePort } from '../../../test/product/free-port.js';
import type { AgentCaller } from './agent-caller.js';
import { TestMachine } from './agent-process.js';
import { exchange, keepOpen, startEcho } from './echo.js';
import { type KernelFigures, kernelFigures, usage } from './kernel-figures.js';

const MEGABYTE = 2 ** 20;

/** A real agent as it is shipped, with real rathole clients, over gRPC. */
describe('the metrics of a machine', () => {
  let machine: TestMachine;
  let caller: AgentCaller;
  let target: Server;
  let tunnelPort: number;

  beforeAll(async () => {
    const [server, targetPort] = await startEcho();
    target = server;
    machine = await TestMachine.open();
    machine.useBundle();
    tunnelPort = await freePort();
    const { edge } = machine;
    edge.tunnels = [
      edge.tunnel('tunnel.web', `127.0.0.1:${targetPort}`, tunnelPort),
      { ...edge.tunnel('tunnel.dns', '127.0.0.1:53', await freePort()), type: 'udp' as const },
    ];
    await edge.serveTunnels(machine.ports.agent, machine.ports.check);
    await machine.enroll();
    await machine.run();
    caller = machine.caller(machine.ports.agent);
    await vi.waitUntil(async () => (await exchange(tunnelPort, 'ping')) === 'ping', 20_000);
  });
  afterAll(async () => {
    target.close();
    await machine[Symbol.asyncDispose]();
  });

  const pids = () => ({
    agent: machine.agent!.pid!,
    control: machine.clientPid('control'),
    data: machine.clientPid('data'),
  });

  function metrics(intervalMs: number) {
    const stream = caller.metrics(intervalMs);
    onTestFinished(() => stream.cancel());
    return stream;
  }

  /** The figures of the kernel around one sample: right after the one before, and right after it. */
  async function aroundOne(
    meanwhile = () => execBusy(600),
  ): Promise<[KernelFigures, StreamMetricsResponse, KernelFigures]> {
    const stream = metrics(1_000);
    await stream.next();
    await stream.next();
    const before = kernelFigures(pids());
    const busy = meanwhile();
    const sample = await stream.next();
    const after = kernelFigures(pids());
    await busy;
    return [before, sample, after];
  }

  it('are what the kernel says at the same time', async () => {
    const [before, sample, after] = await aroundOne();
    const { system } = sample;
    const cpu = usage(before, after);
    // One of the cores was kept busy for most of it.
    expect(cpu.all).toBeGreaterThan(0.2);
    expect(Math.abs(system!.cpuUsage - cpu.all)).toBeLessThan(0.08);
    expect(sample.coreUsage).toHaveLength(cpu.cores.length);
    sample.coreUsage.forEach((core, i) => {
      expect(Math.abs(core - cpu.cores[i]!)).toBeLessThan(0.15);
    });
    expect(system!.cpuCores).toBe(cpu.cores.length);
    expect(Number(system!.memoryTotalBytes)).toBe(after.memory['MemTotal']);
    const available = [before, after].map(({ memory }) => memory['MemAvailable']!);
    expect(Number(system!.memoryAvailableBytes)).toBeGreaterThan(Math.min(...available) - 2e8);
    expect(Number(system!.memoryAvailableBytes)).toBeLessThan(Math.max(...available) + 2e8);
    expect([before.loads, after.loads]).toContainEqual([
      system!.load1,
      system!.load5,
      system!.load15,
    ]);
    const swap = after.memory['SwapTotal'] || undefined;
    expect(sample.swapTotalBytes).toBe(swap === undefined ? undefined : BigInt(swap));
  });

  it('tell of each interface what was counted up to then, and nothing of loopback', async () => {
    const [before, sample, after] = await aroundOne();
    const names = sample.interfaces.map(({ name }) => name);
    // Some come and go: those of other tests on this machine.
    const stay = Object.keys(after.interfaces).filter((name) => name in before.interfaces);
    expect(names).toEqual(expect.arrayContaining(stay.filter((name) => name !== 'lo')));
    expect(names).not.toContain('lo');
    for (const counted of sample.interfaces.filter(({ name }) => stay.includes(name))) {
      const [low, high] = [before.interfaces[counted.name]!, after.interfaces[counted.name]!];
      const columns: [bigint, number][] = [
        [counted.receivedBytes, 0],
        [counted.receivedPackets, 1],
        [counted.receiveErrors, 2],
        [counted.receiveDrops, 3],
        [counted.sentBytes, 8],
        [counted.sentPackets, 9],
        [counted.sendErrors, 10],
        [counted.sendDrops, 11],
      ];
      for (const [value, column] of columns) {
        expect(value).toBeGreaterThanOrEqual(low[column]!);
        expect(value).toBeLessThanOrEqual(high[column]!);
      }
    }
  });

  it('tell of the agent and both clients what the kernel does', async () => {
    const [before, sample, after] = await aroundOne(async () => {
      for (let i = 0; i < 200; i += 1) await caller.status();
    });
    expect(sample.processes.map(({ name }) => name)).toEqual(['agent', 'control', 'data']);
    for (const process of sample.processes) {
      const [low, high] = [before.processes[process.name]!, after.processes[process.name]!];
      expect(process.pid).toBe(high.pid);
      expect(Math.abs(process.threads - high.threads)).toBeLessThanOrEqual(2);
      expect(Math.abs(process.openFiles! - high.openFiles)).toBeLessThanOrEqual(3);
      expect(Number(process.residentBytes) / high.residentBytes).toBeCloseTo(1, 1);
      const share = (high.cpuMs - low.cpuMs) / (after.atMs - before.atMs);
      // It answered all the while.
      if (process.name === 'agent') expect(share).toBeGreaterThan(0.05);
      expect(Math.abs(process.cpuUsage! - share)).toBeLessThan(0.1);
    }
  });

  it('tell of the root file system what statfs does, inodes too', async () => {
    const [before, sample, after] = await aroundOne();
    const disk = sample.system!.disks.find(({ mountPoint }) => mountPoint === '/');
    if (!disk) return expect(rootType()).toBe('none that holds data');
    expect(disk.type).toBe(rootType());
    expect(disk.totalBytes).toBe(after.root.blocks * after.root.bsize);
    const counts = [
      [disk.availableBytes, before.root.bavail * before.root.bsize, 64n * 2n ** 20n],
      [disk.availableInodes!, before.root.ffree, 20_000n],
    ] as const;
    for (const [value, expected, slack] of counts) {
      expect(value).toBeGreaterThan(expected - slack);
      expect(value).toBeLessThan(expected + slack);
    }
    expect(disk.totalInodes).toBe(after.root.files);
  });

  it('show a file system that is filled and freed, with the next sample', async (context) => {
    const made = await smallDisk(machine.directory);
    if ('why' in made) {
      console.log(`Not tested, no file system can be made here: ${made.why}`);
      return context.skip(made.why);
    }
    const { disk } = made;
    const stream = metrics(1_000);
    await stream.next(); // this may be shared with who asked just before
    const free = (sample: StreamMetricsResponse) =>
      sample.system!.disks.find(({ mountPoint }) => mountPoint === disk);
    const empty = free(await stream.next())!;
    expect(empty).toMatchObject({ type: 'ext4' });
    await fill(join(disk, 'big'), 8 * MEGABYTE);
    for (let i = 0; i < 50; i += 1) await writeFile(join(disk, `small-${i}`), '');
    const full = free(await stream.next())!;
    expect(Number(empty.availableBytes - full.availableBytes)).toBeGreaterThanOrEqual(8 * MEGABYTE);
    expect(empty.availableInodes! - full.availableInodes!).toBe(51n);
    for (const name of ['big', 'small-0', 'small-1']) await rm(join(disk, name));
    const freed = free(await stream.next())!;
    expect(Number(freed.availableBytes - full.availableBytes)).toBeGreaterThanOrEqual(8 * MEGABYTE);
    expect(freed.availableInodes! - full.availableInodes!).toBe(3n);
    execFileSync('umount', [disk]);
    expect(free(await stream.next())).toBeUndefined();
  });

  it('count the connections of each tunnel, and none of UDP', async () => {
    const visitors = await Promise.all([1, 2, 3].map(() => keepOpen(tunnelPort)));
    onTestFinished(() => visitors.forEach((visitor) => visitor.end()));
    for (const visitor of visitors) expect(await visitor.say('ping')).toBe('ping');
    // Other tunnels are counted at once; the same ones when the kernel's table is not dear to read.
    const { edge } = machine;
    edge.tunnels.push(edge.tunnel('tunnel.other', '127.0.0.1:9', await freePort()));
    await machine.push(caller, 2);
    const { connections } = await metrics(1_000).next();
    expect(connections).toEqual([
      { service: 'tunnel.dns', established: undefined },
      { service: 'tunnel.other', established: 0 },
      { service: 'tunnel.web', established: 3 },
    ]);
  });

  it('come at once and then at the cadence that was asked for, within bounds', async () => {
    const arrivals = async (intervalMs: number, count: number) => {
      const stream = metrics(intervalMs);
      const askedAt = performance.now();
      const times: number[] = [];
      while (times.length < count) {
        await stream.next();
        times.push(performance.now() - askedAt);
      }
      return times;
    };
    const [zero, tooFast, slow, tooSlow] = await Promise.all([
      arrivals(0, 3),
      arrivals(1, 3),
      arrivals(2_500, 2),
      arrivals(4_000_000_000, 1),
    ]);
    for (const [first] of [zero, tooFast, slow, tooSlow]) expect(first).toBeLessThan(900);
    for (const times of [zero, tooFast]) {
      expect(times[2]! - times[0]!).toBeGreaterThan(1_800);
      expect(times[2]! - times[0]!).toBeLessThan(3_000);
    }
    expect(slow[1]! - slow[0]!).toBeGreaterThan(2_300);
    expect(slow[1]! - slow[0]!).toBeLessThan(3_300);
  });

  it('start no process and leave nothing open', async () => {
    const { agent } = pids();
    const files = () => readdirSync(`/proc/${agent}/fd`).length;
    const children = () => readFileSync(`/proc/${agent}/task/${agent}/children`, 'utf8');
    const [filesBefore, childrenBefore] = [files(), children()];
    const stream = caller.metrics(1_000);
    for (let i = 0; i < 3; i += 1) {
      await stream.next();
      expect(children()).toBe(childrenBefore);
    }
    stream.cancel();
    await vi.waitUntil(() => files() <= filesBefore, 5_000);
  });
});

/** Keeps one core busy. */
async function execBusy(ms: number): Promise<void> {
  const loop = `const end = Date.now() + ${ms}; while (Date.now() < end);`;
  await promisify(execFile)(process.execPath, ['-e', loop]);
}

const rootType = (): string =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .findLast(([, mountPoint]) => mountPoint === '/')![2]!;

/** An ext4 of 16 MB in a file, mounted until the test ends. `why` there is none. */
async function smallDisk(directory: string): Promise<{ disk: string } | { why: string }> {
  const [image, disk] = [join(directory, 'disk.img'), join(directory, 'disk')];
  await mkdir(disk);
  await fill(image, 16 * MEGABYTE);
  try {
    execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image], { stdio: 'pipe' });
    execFileSync('mount', ['-o', 'loop', image, disk], { stdio: 'pipe' });
  } catch (error) {
    return { why: (error as Error).message };
  }
  onTestFinished(() => {
    if (isMounted(disk)) execFileSync('umount', ['--lazy', disk]);
  });
  return { disk };
}

const isMounted = (path: string): boolean =>
  readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `);

async function fill(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  await file.write(Buffer.alloc(bytes, 1));
  await file.sync();
  await file.close();
}
