import {
  type AgentReport,
  type AppliedConfigReport,
  type FoundConfigReport,
  type RatholeClientReport,
  type RatholeClientState,
  type RevertedConfigReport,
  type SystemReport,
} from '@gopher/machine';
import {
  type AppliedConfig,
  ConfigState,
  type FoundConfig,
  type MachineStatus,
  RatholeClientState as WireState,
  type RatholeClientStatus,
  RevertCause,
  type RevertedConfig,
  type SystemStatus,
} from '@gopher/proto';

const STATE_OF: Partial<Record<WireState, RatholeClientState>> = {
  [WireState.STOPPED]: 'stopped',
  [WireState.RUNNING]: 'running',
  [WireState.CONNECTED]: 'connected',
  [WireState.FROZEN]: 'frozen',
};

const CONFIG_STATE_OF: Partial<Record<ConfigState, AppliedConfigReport['state']>> = {
  [ConfigState.APPLIED]: 'applied',
  [ConfigState.DRIFTED]: 'drifted',
  [ConfigState.UNCONFIRMED]: 'unconfirmed',
};

/** What an agent may say beyond this is cut: its words end up in the database and on a page. */
const MAX_TEXT = 500;
const MAX_DISKS = 64;
const MAX_FOUND = 50;

export function toAgentReport(status: MachineStatus | undefined): AgentReport {
  return {
    protocolVersion: status?.protocolVersion ?? 0,
    agentVersion: text(status?.agentVersion),
    ratholeVersion: text(status?.ratholeVersion),
    system: status?.system ? system(status.system) : null,
    control: status?.control ? client(status.control) : null,
    data: status?.data ? client(status.data) : null,
    config: status?.config ? toAppliedConfig(status.config) : null,
    activeTunnels: status?.activeTunnels ?? 0,
    reverted: status?.reverted ? reverted(status.reverted) : null,
    highestRevision: Number(status?.highestRevision ?? 0),
    found: status?.found ? found(status.found) : null,
    controlSha256: text(status?.controlSha256),
    policyVersion: text(status?.policyVersion),
  };
}

function system(status: SystemStatus): SystemReport {
  return {
    hostname: text(status.hostname),
    os: text(status.os),
    arch: text(status.arch),
    cpuUsage: figure(status.cpuUsage),
    cpuCores: status.cpuCores,
    memoryTotalBytes: Number(status.memoryTotalBytes),
    memoryAvailableBytes: Number(status.memoryAvailableBytes),
    load: [figure(status.load1), figure(status.load5), figure(status.load15)],
    uptimeSeconds: Number(status.uptimeSeconds),
    disks: status.disks.slice(0, MAX_DISKS).map(({ mountPoint, totalBytes, availableBytes }) => ({
      mountPoint: text(mountPoint),
      totalBytes: Number(totalBytes),
      availableBytes: Number(availableBytes),
    })),
  };
}

function client(status: RatholeClientStatus): RatholeClientReport {
  return {
    state: STATE_OF[status.state] ?? 'unknown',
    pid: status.pid || null,
    startedAt: moment(status.startedAt),
    restarts: status.restarts,
    restartNeeded: status.restartNeeded,
    detail: text(status.detail),
  };
}

export function toAppliedConfig(applied: AppliedConfig): AppliedConfigReport {
  return {
    revision: Number(applied.revision),
    sha256: text(applied.sha256),
    state: CONFIG_STATE_OF[applied.state] ?? 'unknown',
    detail: text(applied.detail),
  };
}

function reverted(config: RevertedConfig): RevertedConfigReport {
  return {
    revision: Number(config.revision),
    sha256: text(config.sha256),
    cause: config.cause === RevertCause.NOT_TAKEN ? 'not-taken' : 'not-confirmed',
    reason: text(config.reason),
  };
}

function found({ foundAt, keptAs, lines, services }: FoundConfig): FoundConfigReport {
  return {
    foundAt: moment(foundAt),
    keptAs: text(keptAs),
    lines: lines.slice(0, MAX_FOUND).map(text),
    services: services.slice(0, MAX_FOUND).map(({ name, type, localAddr }) => ({
      name: text(name),
      protocol: type === 'udp' ? 'udp' : 'tcp',
      target: text(localAddr),
    })),
  };
}

/** PostgreSQL takes neither NUL in JSON nor half a surrogate pair, which a cut can leave. */
const text = (value: string | undefined): string =>
  (value ?? '').replaceAll('\0', '').slice(0, MAX_TEXT).toWellFormed();

/** The wire can carry moments that are none for JavaScript. */
const moment = (value: Date | undefined): string | null =>
  value && !Number.isNaN(value.getTime()) ? value.toISOString() : null;

/** JSON knows neither NaN nor infinity. */
const figure = (value: number): number => (Number.isFinite(value) ? value : 0);
