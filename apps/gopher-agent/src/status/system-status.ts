import type { DiskUsage, SystemReading } from '@gopher/host';
import type { Disk, SystemStatus } from '@gopher/proto';

export function toSystemStatus(reading: SystemReading): SystemStatus {
  const { hostname, os, arch, cpuUsage, cpuCores, memory, loads, uptimeSeconds, disks } = reading;
  const [load1 = 0, load5 = 0, load15 = 0] = loads;
  return {
    hostname,
    os,
    arch,
    cpuUsage,
    cpuCores,
    memoryTotalBytes: BigInt(memory?.totalBytes ?? 0),
    memoryAvailableBytes: BigInt(memory?.availableBytes ?? 0),
    load1,
    load5,
    load15,
    uptimeSeconds: BigInt(uptimeSeconds),
    disks: disks.map(toDisk),
  };
}

function toDisk({ mountPoint, type, totalBytes, availableBytes, inodes }: DiskUsage): Disk {
  return {
    mountPoint,
    type,
    totalBytes: BigInt(totalBytes),
    availableBytes: BigInt(availableBytes),
    ...(inodes
      ? { totalInodes: BigInt(inodes.total), availableInodes: BigInt(inodes.available) }
      : {}),
  };
}
