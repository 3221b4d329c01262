export const RATHOLE_CLIENT_STATES = [
  'stopped',
  'running',
  'connected',
  'frozen',
  'unknown',
] as const;
/** `running`: a process without an established connection to the edge. */
export type RatholeClientState = (typeof RATHOLE_CLIENT_STATES)[number];

export interface RatholeClientReport {
  state: RatholeClientState;
  pid: number | null;
  startedAt: string | null;
  /** How often the agent started it again by itself. */
  restarts: number;
  restartNeeded: boolean;
  /** Why it is not connected; empty when it is. */
  detail: string;
}

export interface SystemReport {
  hostname: string;
  os: string;
  arch: string;
  /** Share of all cores, 0 to 1. */
  cpuUsage: number;
  cpuCores: number;
  memoryTotalBytes: number;
  memoryAvailableBytes: number;
  /** Over 1, 5 and 15 minutes. */
  load: [number, number, number];
  uptimeSeconds: number;
  disks: { mountPoint: string; totalBytes: number; availableBytes: number }[];
}

export interface AppliedConfigReport {
  /** 0: none was ever applied. */
  revision: number;
  /** Lower-case hex; empty when none was ever applied. */
  sha256: string;
  state: 'applied' | 'drifted' | 'unknown';
  detail: string;
}

/** What an agent says of its machine; JSON as it is, so that it can be stored and served. */
export interface AgentReport {
  protocolVersion: number;
  agentVersion: string;
  ratholeVersion: string;
  system: SystemReport | null;
  control: RatholeClientReport | null;
  data: RatholeClientReport | null;
  config: AppliedConfigReport | null;
  /** Services that the data client has established with the edge. */
  activeTunnels: number;
}
