import { build } from 'esbuild';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isAlive, listProcesses, readStat } from '../src/proc.js';
import {
  type ProcessSpec,
  type ProcessStatus,
  ProcessSupervisor,
  type ProcessSupervisorOptions,
} from '../src/index.js';

/** A directory of its own, and everything that a test starts, each process with its path in argv. */
export class Scene {
  readonly warnings: string[] = [];
  /** Runs until it is killed; found as ours by its path. */
  readonly sleep: string;
  private readonly supervisors: ProcessSupervisor[] = [];

  private constructor(readonly directory: string) {
    this.sleep = join(directory, 'sleep');
  }

  static async make(): Promise<Scene> {
    const scene = new Scene(await mkdtemp(join(tmpdir(), 'gopher-supervisor-')));
    await symlink('/bin/sleep', scene.sleep);
    return scene;
  }

  async clear(): Promise<void> {
    await Promise.all(this.supervisors.map((supervisor) => supervisor.release()));
    for (const { pid } of await this.processes()) process.kill(pid, 'SIGKILL');
    await vi.waitUntil(async () => (await this.processes()).length === 0);
    await rm(this.directory, { recursive: true });
  }

  /** What runs and has the path of this scene in its command line. */
  async processes(): Promise<{ pid: number; argv: readonly string[] }[]> {
    const all = await listProcesses();
    return all.filter(({ argv }) => argv.some((word) => word.includes(this.directory)));
  }

  supervisor(options: Partial<ProcessSupervisorOptions> = {}): ProcessSupervisor {
    const log = { log: () => {}, warn: (message: string) => void this.warnings.push(message) };
    const supervisor = new ProcessSupervisor({ directory: this.directory, log, ...options });
    this.supervisors.push(supervisor);
    return supervisor;
  }

  sleeper(name = 'sleeper', seconds = '1000'): ProcessSpec {
    return { name, file: this.sleep, args: [seconds], restart: false };
  }

  /** A shell script as a process; `$0` is the scene's directory. */
  shell(name: string, script: string): ProcessSpec {
    const args = ['-c', script, this.directory];
    return { name, file: '/bin/sh', args, restart: false };
  }

  /** What nobody supervises. */
  async stranger(file: string, args: readonly string[], cwd = '/'): Promise<number> {
    const child = spawn(file, args, { detached: true, stdio: 'ignore', cwd });
    await once(child, 'spawn');
    child.unref();
    return child.pid ?? 0;
  }

  /** A supervisor in a Node of its own, once it has started everything. */
  async otherNode(
    specs: ProcessSpec[],
    afterwards: 'stay' | 'release' | 'leave',
  ): Promise<{ node: ChildProcess; statuses: ProcessStatus[] }> {
    const outfile = join(this.directory, 'supervisor-process.mjs');
    const entry = join(import.meta.dirname, 'supervisor-process.ts');
    const format = { bundle: true, platform: 'node', format: 'esm' } as const;
    await build({ entryPoints: [entry], outfile, ...format });
    const order = JSON.stringify({ directory: this.directory, specs, afterwards });
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const node = spawn(process.execPath, [outfile, order], { stdio: [...stdio] });
    const [line] = (await once(createInterface({ input: node.stdout }), 'line')) as [string];
    return { node, statuses: JSON.parse(line) as ProcessStatus[] };
  }
}

/** Resolves with the first status that fits, the present one included. */
export function until(
  supervisor: ProcessSupervisor,
  name: string,
  fits: (status: ProcessStatus) => boolean,
): Promise<ProcessStatus> {
  return new Promise((resolve) => {
    const see = (status: ProcessStatus) => {
      if (status.name !== name || !fits(status)) return;
      end();
      resolve(status);
    };
    const end = supervisor.onChange(see);
    see(supervisor.status(name));
  });
}

export const ended = (supervisor: ProcessSupervisor, name: string) =>
  until(supervisor, name, ({ state }) => state !== 'running');

export function kill(pid: number | null, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === null || pid < 2) throw new Error(`No pid to kill: ${pid}`);
  process.kill(pid, signal);
}

export function lives(pid: number | null): boolean {
  const stat = readStat(pid ?? 0);
  return stat !== null && isAlive(stat);
}

export const gone = (pid: number | null) => vi.waitFor(() => expect(lives(pid)).toBe(false));
