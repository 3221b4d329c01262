import { Injectable, Logger } from '@nestjs/common';
import { Observable } from 'rxjs';
import {
  HostMeter,
  KernelFiles,
  type Measurement,
  type ProcessReading,
  readProcess,
  sharesBetween,
} from '@gopher/host';
import type { StreamMetricsResponse, TunnelConnections as TunnelCount } from '@gopher/proto';
import { RatholeObserver } from '../status/rathole-observer.js';
import { toMetrics } from './metrics.mapper.js';
import { TunnelConnections } from './tunnel-connections.js';

const SHORTEST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 60_000;

/** Measures this machine for those who ask for it, and not at all while nobody does. */
@Injectable()
export class MetricsStream {
  private readonly logger = new Logger(MetricsStream.name);
  private readonly files = new KernelFiles();
  private readonly connections = new TunnelConnections();
  /** What a first sample is compared with. */
  private last: Measurement | null = null;

  constructor(
    private readonly meter: HostMeter,
    private readonly rathole: RatholeObserver,
  ) {}

  /** A sample at once, then one after each interval. */
  open(intervalMs: number): Observable<StreamMetricsResponse> {
    const everyMs = Math.min(Math.max(intervalMs, SHORTEST_INTERVAL_MS), LONGEST_INTERVAL_MS);
    return new Observable((out) => {
      let before = this.last;
      const send = async () => {
        const now = await this.read();
        if (out.closed) return;
        out.next(toMetrics(now, sharesBetween(before, now), this.connectionsNow()));
        before = now;
      };
      const sendSafely = () => {
        send().catch((error: unknown) => this.logger.error(`Not measured: ${String(error)}`));
      };
      const timer = setInterval(sendSafely, everyMs);
      sendSafely();
      return () => clearInterval(timer);
    });
  }

  private async read(): Promise<Measurement> {
    const host = await this.meter.read();
    if (this.last?.host === host) return this.last;
    const processes = new Map<string, ProcessReading>();
    for (const [name, pid] of Object.entries({ agent: process.pid, ...this.rathole.pids() })) {
      const reading = pid === null ? null : readProcess(this.files, pid);
      if (reading) processes.set(name, reading);
    }
    this.last = { host, processes };
    return this.last;
  }

  private connectionsNow(): TunnelCount[] {
    return this.connections.read(this.rathole.pids().data, this.rathole.tunnels());
  }
}
