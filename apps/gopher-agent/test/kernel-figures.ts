import { readdirSync, readFileSync, statfsSync } from 'node:fs';

/**
 * What the kernel says at this moment, read with no code of the product: by other ways through the
 * same files, so that a mistake in one shows.
 */
export function kernelFigures(pids: Record<string, number>) {
  return {
    atMs: performance.now(),
    cores: coreTicks(),
    memory: table('/proc/meminfo'),
    interfaces: interfaces(),
    root: statfsSync('/', { bigint: true }),
    processes: Object.fromEntries(
      Object.entries(pids).map(([name, pid]) => [name, processFigures(pid)]),
    ),
    loads: readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).map(Number),
  };
}
export type KernelFigures = ReturnType<typeof kernelFigures>;

/** Busy and all clock ticks of each core. */
function coreTicks(): { busy: number; all: number }[] {
  const rows = readFileSync('/proc/stat', 'utf8').matchAll(/^cpu\d+ (.+)$/gm);
  return [...rows].map(([, columns]) => {
    const [user, nice, system, idle, iowait, irq, softirq, steal] = columns!.split(' ').map(Number);
    const busy = user! + nice! + system! + irq! + softirq! + steal!;
    return { busy, all: busy + idle! + iowait! };
  });
}

export function usage(before: KernelFigures, now: KernelFigures): { all: number; cores: number[] } {
  const gone = now.cores.map((core, i) => ({
    busy: core.busy - before.cores[i]!.busy,
    all: core.all - before.cores[i]!.all,
  }));
  const sum = (key: 'busy' | 'all') => gone.reduce((total, core) => total + core[key], 0);
  return { all: sum('busy') / sum('all'), cores: gone.map(({ busy, all }) => busy / all) };
}

/** `Name:  12 kB` and `Name:  12`, in bytes where they are. */
function table(path: string): Record<string, number> {
  const rows = readFileSync(path, 'utf8').matchAll(/^(\w+):\s+(\d+)( kB)?$/gm);
  return Object.fromEntries(
    [...rows].map(([, name, value, unit]) => [name!, Number(value) * (unit ? 1024 : 1)]),
  );
}

function interfaces(): Record<string, bigint[]> {
  const rows = readFileSync('/proc/net/dev', 'utf8').matchAll(/^ *([^:\s]+): *(.+)$/gm);
  return Object.fromEntries(
    [...rows].map(([, name, counters]) => [name!, counters!.trim().split(/\s+/).map(BigInt)]),
  );
}

function processFigures(pid: number) {
  const schedstat = (task: string) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  const tasks = readdirSync(`/proc/${pid}/task`);
  return {
    pid,
    cpuMs: tasks.reduce((sum, task) => sum + schedstat(task), 0),
    residentBytes: table(`/proc/${pid}/status`)['VmRSS']!,
    threads: tasks.length,
    openFiles: readdirSync(`/proc/${pid}/fd`).length,
  };
}
