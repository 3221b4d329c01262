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
  /** `unconfirmed`: goes back to the one before unless it is confirmed in time. */
  state: 'applied' | 'drifted' | 'unconfirmed' | 'unknown';
  detail: string;
}

export interface RevertedConfigReport {
  revision: number;
  sha256: string;
  /** `not-taken`: rathole would not take it again. `not-confirmed`: it may be pushed again. */
  cause: 'not-taken' | 'not-confirmed';
  reason: string;
}

/** What someone wrote into the data client's file by hand, and was taken out of it. */
export interface FoundConfigReport {
  foundAt: string | null;
  /** A path on the machine; empty when it could not be kept. */
  keptAs: string;
  /** Without the values of tokens and keys. */
  lines: string[];
  services: { name: string; protocol: 'tcp' | 'udp'; target: string }[];
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
  reverted: RevertedConfigReport | null;
  /** The highest revision that the agent ever took; 0: none, or it does not say. */
  highestRevision: number;
  found: FoundConfigReport | null;
  /** Of the control client's configuration; empty when the agent does not say. */
  controlSha256: string;
  /** Another one after each change of the machine's policy file; empty: it has none, or says none. */
  policyVersion: string;
}
