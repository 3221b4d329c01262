import {
  coreUsageBetween,
  type InterfaceCounters,
  type ProcessReading,
  processUsageBetween,
  usageBetween,
} from '@gopher/host';
import type {
  NetworkInterface,
  ProcessUsage,
  StreamMetricsResponse,
  TunnelConnections,
} from '@gopher/proto';
import { toSystemStatus } from '../status/system-status.js';
import type { Reading } from './metrics-stream.js';

/** @param before what shares of time are told from; null: there is nothing to tell them from */
export function toMetrics(
  before: Reading | null,
  now: Reading,
  connections: TunnelConnections[],
): StreamMetricsResponse {
  const { system, interfaces, temperatures, monotonicMs } = now.host;
  const cpuBefore = before?.host.system.cpu;
  const usage = cpuBefore && system.cpu ? usageBetween(cpuBefore.all, system.cpu.all) : null;
  const swap = system.memory?.swap;
  return {
    observedAt: new Date(),
    system: toSystemStatus({ ...system, cpuUsage: usage ?? system.cpuUsage }),
    coreUsage: cpuBefore && system.cpu ? coreUsageBetween(cpuBefore, system.cpu) : [],
    ...(swap
      ? { swapTotalBytes: BigInt(swap.totalBytes), swapFreeBytes: BigInt(swap.freeBytes) }
      : {}),
    interfaces: interfaces.map(toInterface),
    temperatures,
    processes: [...now.processes].map(([name, reading]) =>
      toProcess(name, before?.processes.get(name), reading, elapsedBetween(before, now)),
    ),
    connections,
    monotonicMs: BigInt(monotonicMs),
  };
}

const elapsedBetween = (before: Reading | null, now: Reading): number =>
  before ? now.host.monotonicMs - before.host.monotonicMs : 0;

function toProcess(
  name: string,
  before: ProcessReading | undefined,
  now: ProcessReading,
  elapsedMs: number,
): ProcessUsage {
  const cpuUsage = before ? processUsageBetween(before, now, elapsedMs) : null;
  return {
    name,
    pid: now.pid,
    ...(cpuUsage === null ? {} : { cpuUsage }),
    residentBytes: BigInt(now.residentBytes),
    ...(now.openFiles === null ? {} : { openFiles: now.openFiles }),
    threads: now.threads,
  };
}

function toInterface(counters: InterfaceCounters): NetworkInterface {
  return {
    name: counters.name,
    receivedBytes: BigInt(counters.receivedBytes),
    sentBytes: BigInt(counters.sentBytes),
    receivedPackets: BigInt(counters.receivedPackets),
    sentPackets: BigInt(counters.sentPackets),
    receiveErrors: BigInt(counters.receiveErrors),
    sendErrors: BigInt(counters.sendErrors),
    receiveDrops: BigInt(counters.receiveDrops),
    sendDrops: BigInt(counters.sendDrops),
  };
}
