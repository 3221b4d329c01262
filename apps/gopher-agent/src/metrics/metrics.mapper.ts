import type { InterfaceCounters, Measurement, ProcessReading, Shares } from '@gopher/host';
import type {
  NetworkInterface,
  ProcessUsage,
  StreamMetricsResponse,
  TunnelConnections,
} from '@gopher/proto';
import { toSystemStatus } from '../status/system-status.js';

export function toMetrics(
  { host, processes }: Measurement,
  shares: Shares,
  connections: TunnelConnections[],
): StreamMetricsResponse {
  const { system, interfaces, temperatures, monotonicMs } = host;
  const swap = system.memory?.swap;
  return {
    observedAt: new Date(),
    system: toSystemStatus({ ...system, cpuUsage: shares.cpu ?? system.cpuUsage }),
    coreUsage: shares.cores,
    ...(swap
      ? { swapTotalBytes: BigInt(swap.totalBytes), swapFreeBytes: BigInt(swap.freeBytes) }
      : {}),
    interfaces: interfaces.map(toInterface),
    temperatures,
    processes: [...processes].map(([name, reading]) =>
      toProcess(name, reading, shares.processes.get(name) ?? null),
    ),
    connections,
    monotonicMs: BigInt(monotonicMs),
  };
}

function toProcess(name: string, reading: ProcessReading, cpuUsage: number | null): ProcessUsage {
  const { pid, residentBytes, openFiles, threads } = reading;
  return {
    name,
    pid,
    ...(cpuUsage === null ? {} : { cpuUsage }),
    residentBytes: BigInt(residentBytes),
    ...(openFiles === null ? {} : { openFiles }),
    threads,
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
