import { arch, cpus, hostname, loadavg, platform, uptime } from 'node:os';
import { type DiskUsage, Disks } from './disks.js';
import { readProc } from './proc.js';

/** Two looks closer than this say more about chance than about load. */
const MIN_CPU_SPAN_MS = 500;

export interface SystemReading {
  hostname: string;
  os: string;
  arch: string;
  /** 0 to 1 over all cores, since the reading before. */
  cpuUsage: number;
  cpuCores: number;
  memoryTotalBytes: number;
  memoryAvailableBytes: number;
  loads: number[];
  uptimeSeconds: number;
  disks: DiskUsage[];
}

/** Reads the machine from /proc: no process is started, nothing is waited for. */
export class System {
  private readonly cores = cpus().length;
  private ticks = cpuTicks();
  private ticksAt = performance.now();
  private usage = 0;

  constructor(private readonly disks: Disks = new Disks()) {}

  read(): SystemReading {
    const memory = readProc('meminfo') ?? '';
    return {
      hostname: hostname(),
      os: platform(),
      arch: arch(),
      cpuUsage: this.cpuUsage(),
      cpuCores: this.cores,
      memoryTotalBytes: kilobytes(memory, 'MemTotal'),
      memoryAvailableBytes: kilobytes(memory, 'MemAvailable'),
      loads: loadavg(),
      uptimeSeconds: Math.floor(uptime()),
      disks: this.disks.read(),
    };
  }

  private cpuUsage(): number {
    const now = performance.now();
    if (now - this.ticksAt < MIN_CPU_SPAN_MS) return this.usage;
    const before = this.ticks;
    this.ticks = cpuTicks();
    this.ticksAt = now;
    const total = this.ticks.total - before.total;
    const busy = this.ticks.busy - before.busy;
    this.usage = total > 0 ? Math.min(Math.max(busy / total, 0), 1) : 0;
    return this.usage;
  }
}

function cpuTicks(): { busy: number; total: number } {
  const line = readProc('stat')?.split('\n', 1)[0] ?? '';
  // user nice system idle iowait irq softirq steal; guests are counted in user already.
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const total = fields.reduce((sum, ticks) => sum + ticks, 0);
  const [, , , idle = 0, iowait = 0] = fields;
  return { busy: total - idle - iowait, total };
}

function kilobytes(meminfo: string, field: string): number {
  const [, value] = new RegExp(`^${field}: +(\\d+) kB`, 'm').exec(meminfo) ?? [];
  return Number(value ?? 0) * 1024;
}
