import { arch, cpus, hostname, loadavg, platform, uptime } from 'node:os';
import { type CpuTicks, parseCpuTicks, usageBetween } from './cpu.js';
import { type DiskUsage, Disks } from './disks.js';
import { KernelFiles } from './kernel-files.js';
import { type MemoryReading, parseMemory } from './memory.js';

/** Two looks closer than this say more about chance than about load. */
const MIN_CPU_SPAN_MS = 500;

export interface SystemReading {
  hostname: string;
  os: string;
  arch: string;
  /** 0 to 1 over all cores, since the reading before. */
  cpuUsage: number;
  cpuCores: number;
  /** null: the kernel does not tell. */
  cpu: CpuTicks | null;
  memory: MemoryReading | null;
  loads: number[];
  uptimeSeconds: number;
  disks: DiskUsage[];
}

/** Reads the machine from /proc: no process is started, nothing is waited for. */
export class System {
  private readonly cores = cpus().length;
  private known: CpuTicks | null = null;
  private knownAt = -Infinity;
  private usage = 0;

  constructor(
    readonly disks: Disks = new Disks(),
    private readonly files: KernelFiles = new KernelFiles(),
  ) {
    this.note(this.cpu());
  }

  read(): SystemReading {
    const cpu = this.cpu();
    this.note(cpu);
    return {
      hostname: hostname(),
      os: platform(),
      arch: arch(),
      cpuUsage: this.usage,
      cpuCores: this.cores,
      cpu,
      memory: parseMemory(this.files.readProc('meminfo') ?? ''),
      loads: loadavg(),
      uptimeSeconds: Math.floor(uptime()),
      disks: this.disks.read(),
    };
  }

  private cpu(): CpuTicks | null {
    return parseCpuTicks(this.files.readProc('stat') ?? '');
  }

  private note(cpu: CpuTicks | null): void {
    const now = performance.now();
    if (!cpu || now - this.knownAt < MIN_CPU_SPAN_MS) return;
    if (this.known) this.usage = usageBetween(this.known.all, cpu.all) ?? this.usage;
    this.known = cpu;
    this.knownAt = now;
  }
}
