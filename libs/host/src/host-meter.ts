import { KernelFiles } from './kernel-files.js';
import { type InterfaceCounters, parseInterfaces } from './network.js';
import { System, type SystemReading } from './system.js';
import { type Temperature, Temperatures } from './temperatures.js';

/** What the kernel tells of a machine at one moment: counters, from which shares and rates follow. */
export interface HostReading {
  /** On a clock that never jumps and begins anew when the machine boots. */
  monotonicMs: number;
  system: SystemReading;
  /** Without loopback. */
  interfaces: InterfaceCounters[];
  temperatures: Temperature[];
}

/** A disk that answers later than this is shown as it was. */
const DISKS_WITHIN_MS = 100;
/** Those who ask within this time share one reading. */
const SHARED_MS = 500;

/** Reads a machine whole, for as many as ask. No process is started. */
export class HostMeter {
  private last: { at: number; reading: Promise<HostReading> } | null = null;

  constructor(
    private readonly system: System = new System(),
    private readonly temperatures: Temperatures = new Temperatures(),
    private readonly files: KernelFiles = new KernelFiles(),
  ) {}

  read(): Promise<HostReading> {
    const at = performance.now();
    if (!this.last || at - this.last.at > SHARED_MS) this.last = { at, reading: this.look() };
    return this.last.reading;
  }

  private async look(): Promise<HostReading> {
    await this.system.disks.readWithin(DISKS_WITHIN_MS);
    return {
      monotonicMs: Math.floor(Number(process.hrtime.bigint()) / 1e6),
      system: this.system.read(),
      interfaces: parseInterfaces(this.files.readProc('self/net/dev') ?? ''),
      temperatures: this.temperatures.read(),
    };
  }
}
