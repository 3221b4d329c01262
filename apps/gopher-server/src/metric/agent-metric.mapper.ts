import type { HostSample, InterfaceCounts } from '@gopher/machine';
import type {
  Disk,
  NetworkInterface,
  ProcessUsage,
  StreamMetricsResponse,
  TunnelConnections,
} from '@gopher/proto';

/** An agent may be anyone's: what it says beyond this is cut. */
const MAX_TEXT = 200;
const MAX_CORES = 256;
const MAX_FILESYSTEMS = 64;
const MAX_INTERFACES = 64;
const MAX_SENSORS = 64;
const MAX_PROCESSES = 8;
const MAX_TUNNELS = 1_000;

const TUNNEL = /^tunnel\.([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/** Observed now. */
export function toHostSample(message: StreamMetricsResponse): HostSample {
  const { system } = message;
  const memoryTotalBytes = count(system?.memoryTotalBytes) || null;
  const swapTotalBytes = count(message.swapTotalBytes);
  return {
    observedAt: new Date(),
    monotonicMs: count(message.monotonicMs) ?? 0,
    cpuUsage: share(system?.cpuUsage),
    coreUsage: message.coreUsage.slice(0, MAX_CORES).map((usage) => share(usage) ?? 0),
    load: system ? [system.load1, system.load5, system.load15].map(figure) : [],
    uptimeSeconds: count(system?.uptimeSeconds) || null,
    memoryTotalBytes,
    memoryAvailableBytes: memoryTotalBytes === null ? null : count(system?.memoryAvailableBytes),
    swapTotalBytes,
    swapFreeBytes: swapTotalBytes === null ? null : count(message.swapFreeBytes),
    filesystems: (system?.disks ?? []).slice(0, MAX_FILESYSTEMS).map(filesystem),
    interfaces: message.interfaces.slice(0, MAX_INTERFACES).map(interfaceCounts),
    temperatures: message.temperatures
      .slice(0, MAX_SENSORS)
      .map(({ sensor, celsius }) => ({ sensor: text(sensor), celsius: figure(celsius) })),
    processes: message.processes.slice(0, MAX_PROCESSES).map(processMetrics),
    tunnels: message.connections.slice(0, MAX_TUNNELS).flatMap(tunnelConnections),
  };
}

function filesystem(disk: Disk): HostSample['filesystems'][number] {
  const totalInodes = count(disk.totalInodes);
  return {
    mountPoint: text(disk.mountPoint),
    type: text(disk.type),
    totalBytes: count(disk.totalBytes) ?? 0,
    availableBytes: count(disk.availableBytes) ?? 0,
    totalInodes,
    availableInodes: totalInodes === null ? null : count(disk.availableInodes),
  };
}

function interfaceCounts(counted: NetworkInterface): InterfaceCounts {
  return {
    name: text(counted.name),
    receivedBytes: count(counted.receivedBytes) ?? 0,
    sentBytes: count(counted.sentBytes) ?? 0,
    receivedPackets: count(counted.receivedPackets) ?? 0,
    sentPackets: count(counted.sentPackets) ?? 0,
    receiveErrors: count(counted.receiveErrors) ?? 0,
    sendErrors: count(counted.sendErrors) ?? 0,
    receiveDrops: count(counted.receiveDrops) ?? 0,
    sendDrops: count(counted.sendDrops) ?? 0,
  };
}

function processMetrics(usage: ProcessUsage): HostSample['processes'][number] {
  const { name, pid, cpuUsage, residentBytes, openFiles, threads } = usage;
  return {
    name: text(name),
    pid,
    cpuUsage: cpuUsage === undefined ? null : Math.max(0, figure(cpuUsage)),
    residentBytes: count(residentBytes) ?? 0,
    openFiles: openFiles ?? null,
    threads,
  };
}

/** What is no tunnel of Gopher's is nobody's. */
function tunnelConnections({ service, established }: TunnelConnections) {
  const tunnelId = TUNNEL.exec(service)?.[1];
  return tunnelId ? [{ tunnelId, connections: established ?? null }] : [];
}

/** PostgreSQL takes neither NUL in JSON nor half a surrogate pair, which a cut can leave. */
const text = (value: string): string =>
  value.slice(0, MAX_TEXT).replaceAll('\0', '').toWellFormed();

/** JSON knows neither NaN nor infinity. */
const figure = (value: number): number => (Number.isFinite(value) ? value : 0);

const share = (value: number | undefined): number | null =>
  value === undefined ? null : Math.min(Math.max(figure(value), 0), 1);

const MOST = BigInt(Number.MAX_SAFE_INTEGER);

function count(value: bigint | undefined): number | null {
  if (value === undefined) return null;
  return Number(value > MOST ? MOST : value);
}
