import { Injectable, Logger } from '@nestjs/common';
import { Observable } from 'rxjs';
import { HostMeter, type HostReading, KernelFiles, type ProcessReading, readProcess } from '@gopher/host';
import type { StreamMetricsResponse } from '@gopher/proto';
import { RatholeObserver } from '../status/rathole-observer.js';
import { toMetrics } from './metrics.mapper.js';
import { TunnelConnections } from './tunnel-connections.js';

const SHORTEST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 60_000;
/** Shares of a longer time would say nothing of now. */
const BASE_MAX_AGE_MS = 2 * LONGEST_INTERVAL_MS;

export interface Reading {
  host: HostReading;
  processes: Map<string, ProcessReading>;
}

/** Measures this machine for those who ask for it, and not at all while nobody does. */
@Injectable()
export class MetricsStream {
  private readonly logger = new Logger(MetricsStream.name);
  private readonly files = new KernelFiles();
  private readonly connections = new TunnelConnections();
  /** What a first sample is compared with. */
  private last: Reading | null = null;

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
        out.next(this.sample(before, now));
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

  private async read(): Promise<Reading> {
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

  private sample(before: Reading | null, now: Reading): StreamMetricsResponse {
    const ageMs = before ? now.host.monotonicMs - before.host.monotonicMs : Infinity;
    const base = ageMs > 0 && ageMs <= BASE_MAX_AGE_MS ? before : null;
    const connections = this.connections.read(this.rathole.pids().data, this.rathole.tunnels());
    return toMetrics(base, now, connections);
  }
}
