import { coreUsageBetween, usageBetween } from './cpu.js';
import type { HostReading } from './host-meter.js';
import { type ProcessReading, processUsageBetween } from './process-usage.js';

/** A host, and processes on it by their names, at one moment. */
export interface Measurement {
  host: HostReading;
  processes: ReadonlyMap<string, ProcessReading>;
}

/** What was in use between two measurements; null and empty: it can not be told. */
export interface Shares {
  /** Of all cores, 0 to 1. */
  cpu: number | null;
  cores: number[];
  /** Of one core, by process. */
  processes: ReadonlyMap<string, number | null>;
}

/** Over a longer time they would say nothing of now. */
const LONGEST_MS = 120_000;

/** @param before null: there is nothing to compare with */
export function sharesBetween(before: Measurement | null, now: Measurement): Shares {
  const elapsedMs = before ? now.host.monotonicMs - before.host.monotonicMs : 0;
  const cpu = now.host.system.cpu;
  const cpuBefore = before?.host.system.cpu;
  const isUsable = before && elapsedMs > 0 && elapsedMs <= LONGEST_MS;
  if (!isUsable) return { cpu: null, cores: [], processes: new Map() };
  return {
    cpu: cpu && cpuBefore ? usageBetween(cpuBefore.all, cpu.all) : null,
    cores: cpu && cpuBefore ? coreUsageBetween(cpuBefore, cpu) : [],
    processes: new Map(
      [...now.processes].map(([name, reading]) => {
        const earlier = before.processes.get(name);
        return [name, earlier ? processUsageBetween(earlier, reading, elapsedMs) : null];
      }),
    ),
  };
}
