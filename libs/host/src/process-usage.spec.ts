import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KernelFiles } from './kernel-files.js';
import { processUsageBetween, readProcess, readProcessFamily } from './process-usage.js';

describe(readProcess.name, () => {
  const files = new KernelFiles();

  it('tells of this very process what the kernel tells of it', () => {
    const reading = readProcess(files, process.pid)!;
    const { user, system } = process.cpuUsage();
    expect(reading.cpuMs).toBeGreaterThan(0);
    expect(Math.abs(reading.cpuMs - (user + system) / 1_000)).toBeLessThan(30);
    expect(reading.residentBytes / process.memoryUsage.rss()).toBeCloseTo(1, 1);
    expect(reading.threads).toBe(readdirSync('/proc/self/task').length);
    // To list them takes one more.
    const open = readdirSync('/proc/self/fd').length;
    expect(Math.abs(reading.openFiles! - open)).toBeLessThanOrEqual(1);
  });

  it('is null for a process that there is not', () => {
    expect(readProcess(files, 2 ** 22 + 1)).toBeNull();
  });
});

describe(readProcessFamily.name, () => {
  it('is a process and its children, with what ended children used', async () => {
    const busy = 'while (process.cpuUsage().user < 400_000);';
    const parent = `
      const { spawn, spawnSync } = require('node:child_process');
      spawnSync(process.execPath, ['-e', ${JSON.stringify(busy)}]);
      spawn(process.execPath, ['-e', 'process.send("ready"); setInterval(() => {}, 1e6)'],
        { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }).on('message', () => console.log('ready'));`;
    const child = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const files = new KernelFiles();
    const [alone, family] = [
      readProcess(files, child.pid!)!,
      readProcessFamily(files, child.pid!)!,
    ];
    const grown = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    const grandchild = readProcess(files, Number(grown))!;
    process.kill(Number(grown), 'SIGKILL');
    expect(family.threads).toBe(alone.threads + grandchild.threads);
    expect(family.cpuMs).toBeGreaterThan(alone.cpuMs + 350);
    expect(family.residentBytes).toBeGreaterThan(alone.residentBytes);
    expect(family.residentBytes).toBeLessThan(alone.residentBytes + grandchild.residentBytes);
  });
});

describe('a process of another user', () => {
  let proc: string;

  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), 'gopher-proc-'));
    await mkdir(join(proc, '7'));
    const fields = Array.from({ length: 50 }, (_, i) => i + 3).join(' ');
    await writeFile(join(proc, '7/stat'), `7 (a ) b (c) ${fields}`);
    await writeFile(join(proc, '7/status'), 'Name:\ta\nVmRSS:\t      8 kB\nThreads:\t2\n');
  });
  afterEach(() => rm(proc, { recursive: true }));

  it('has no number of open files, and not zero', () => {
    const files = new KernelFiles({ proc, sys: '/nowhere' });
    expect(readProcess(files, 7)).toEqual({
      pid: 7,
      startedAt: 22,
      cpuMs: (14 + 15) * 10,
      residentBytes: 8_192,
      openFiles: null,
      threads: 20,
    });
  });
});

describe(processUsageBetween.name, () => {
  const reading = { pid: 1, startedAt: 1, residentBytes: 0, openFiles: null, threads: 1 };
  const at = (cpuMs: number, startedAt = 1) => ({ ...reading, cpuMs, startedAt });

  it('is a share of one core, and not told of a pid that is used again', () => {
    expect(processUsageBetween(at(100), at(350), 1_000)).toBe(0.25);
    expect(processUsageBetween(at(100), at(350, 2), 1_000)).toBeNull();
    expect(processUsageBetween(at(100), at(350), 0)).toBeNull();
  });
});
