export interface FilesystemMetrics {
  mountPoint: string;
  type: string;
  totalBytes: number;
  availableBytes: number;
  /** null: it counts none. */
  totalInodes: number | null;
  availableInodes: number | null;
}

/** Counted since the interface came up. */
export interface InterfaceCounts {
  name: string;
  receivedBytes: number;
  sentBytes: number;
  receivedPackets: number;
  sentPackets: number;
  receiveErrors: number;
  sendErrors: number;
  receiveDrops: number;
  sendDrops: number;
}

export interface InterfaceMetrics extends InterfaceCounts {
  /** Since the sample before; null: not known, as after the counters began anew. */
  receivedBytesPerSecond: number | null;
  sentBytesPerSecond: number | null;
}

export interface ProcessMetrics {
  name: string;
  pid: number;
  /** Share of one core. */
  cpuUsage: number | null;
  residentBytes: number;
  openFiles: number | null;
  threads: number;
}

/** One measurement of a host; null and empty: the host does not tell. JSON as it is, but for dates. */
export interface HostSample {
  /** The edge's clock. */
  observedAt: Date;
  /** The host's own clock that never jumps and begins anew when it boots. */
  monotonicMs: number;
  /** Share of all cores, 0 to 1. */
  cpuUsage: number | null;
  coreUsage: number[];
  /** Over 1, 5 and 15 minutes. */
  load: number[];
  uptimeSeconds: number | null;
  memoryTotalBytes: number | null;
  memoryAvailableBytes: number | null;
  swapTotalBytes: number | null;
  swapFreeBytes: number | null;
  filesystems: FilesystemMetrics[];
  interfaces: InterfaceCounts[];
  temperatures: { sensor: string; celsius: number }[];
  processes: ProcessMetrics[];
  /** Connections between the data client and the target; null: not known, as for UDP. */
  tunnels: { tunnelId: string; connections: number | null }[];
}

export interface HostMetrics extends HostSample {
  interfaces: InterfaceMetrics[];
}
