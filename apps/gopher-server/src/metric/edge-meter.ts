import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  HostMeter,
  KernelFiles,
  type Measurement,
  type ProcessReading,
  readProcess,
  readProcessFamily,
  type Shares,
  sharesBetween,
} from '@gopher/host';
import type { HostSample } from '@gopher/machine';
import { Supervisor, UnknownProcessError } from '@gopher/supervisor';
import { MetricBoard } from './metric-board.js';
import { MetricCadence } from './metric-cadence.js';

/** Measures the edge itself as its machines are measured. */
@Injectable()
export class EdgeMeter implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(EdgeMeter.name);
  private readonly meter = new HostMeter();
  private readonly files = new KernelFiles();
  private before: Measurement | null = null;
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe = () => {};

  constructor(
    private readonly supervisor: Supervisor,
    private readonly board: MetricBoard,
    private readonly cadence: MetricCadence,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.cadence.onChange('edge', () => this.begin());
    this.begin();
  }

  onApplicationShutdown(): void {
    this.unsubscribe();
    clearInterval(this.timer);
  }

  private begin(): void {
    clearInterval(this.timer);
    this.timer = setInterval(() => void this.measure(), this.cadence.intervalMs('edge'));
    void this.measure();
  }

  private async measure(): Promise<void> {
    try {
      const now = { host: await this.meter.read(), processes: this.processes() };
      if (now.host === this.before?.host) return;
      this.board.record('edge', toSample(now, sharesBetween(this.before, now)));
      this.before = now;
    } catch (error) {
      this.logger.error(`The edge is not measured: ${String(error)}`);
    }
  }

  private processes(): ReadonlyMap<string, ProcessReading> {
    const [rathole, postgres] = [this.pidOf('rathole-server'), this.pidOf('postgres')];
    const found: [string, ProcessReading | null][] = [
      ['gopher-server', readProcess(this.files, process.pid)],
      ['rathole-server', rathole === null ? null : readProcess(this.files, rathole)],
      ['postgres', postgres === null ? null : readProcessFamily(this.files, postgres)],
    ];
    return new Map(found.filter((entry): entry is [string, ProcessReading] => entry[1] !== null));
  }

  /** null: it does not run, or it is not this edge's. */
  private pidOf(name: string): number | null {
    try {
      return this.supervisor.status(name).pid;
    } catch (error) {
      if (error instanceof UnknownProcessError) return null;
      throw error;
    }
  }
}

function toSample({ host, processes }: Measurement, shares: Shares): HostSample {
  const { system, interfaces, temperatures, monotonicMs } = host;
  const { memory } = system;
  return {
    observedAt: new Date(),
    monotonicMs,
    cpuUsage: shares.cpu,
    coreUsage: shares.cores,
    load: system.loads,
    uptimeSeconds: system.uptimeSeconds,
    memoryTotalBytes: memory?.totalBytes ?? null,
    memoryAvailableBytes: memory?.availableBytes ?? null,
    swapTotalBytes: memory?.swap?.totalBytes ?? null,
    swapFreeBytes: memory?.swap?.freeBytes ?? null,
    filesystems: system.disks.map(({ inodes, ...disk }) => ({
      ...disk,
      totalInodes: inodes?.total ?? null,
      availableInodes: inodes?.available ?? null,
    })),
    interfaces,
    temperatures,
    processes: [...processes].map(([name, { pid, residentBytes, openFiles, threads }]) => {
      const cpuUsage = shares.processes.get(name) ?? null;
      return { name, pid, cpuUsage, residentBytes, openFiles, threads };
    }),
    tunnels: [],
  };
}
