/** Clock ticks since boot. */
export interface Ticks {
  busy: number;
  total: number;
}

export interface CpuTicks {
  all: Ticks;
  /** In the kernel's order. */
  cores: Ticks[];
}

const MAX_CORES = 1_024;

/** @param stat what /proc/stat says; null when it says nothing of processors */
export function parseCpuTicks(stat: string): CpuTicks | null {
  // "intr", which comes after the processors, can be longer than all the rest.
  const end = stat.indexOf('\nintr');
  const lines = (end < 0 ? stat : stat.slice(0, end)).split('\n').slice(0, MAX_CORES + 1);
  const [all, ...cores] = lines.filter((line) => line.startsWith('cpu')).map(ticksOf);
  return all ? { all, cores } : null;
}

function ticksOf(line: string): Ticks {
  // user nice system idle iowait irq softirq steal; guests are counted in user already.
  const fields = line.trim().split(/ +/).slice(1, 9).map(Number);
  const total = fields.reduce((sum, ticks) => sum + ticks, 0);
  const [, , , idle = 0, iowait = 0] = fields;
  return { busy: total - idle - iowait, total };
}

/** 0 to 1; null when no time has passed, or the counters began anew. */
export function usageBetween(before: Ticks, now: Ticks): number | null {
  const total = now.total - before.total;
  // The kernel's count of waiting for disks can go back a little.
  return total > 0 ? Math.min(Math.max((now.busy - before.busy) / total, 0), 1) : null;
}

/** Empty when a core came or went. */
export function coreUsageBetween(before: CpuTicks, now: CpuTicks): number[] {
  if (before.cores.length !== now.cores.length) return [];
  return now.cores.map((ticks, core) => usageBetween(before.cores[core]!, ticks) ?? 0);
}
