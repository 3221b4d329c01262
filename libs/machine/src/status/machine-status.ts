import { type RatholeCapability, ratholeLacks } from '@gopher/engines';
import type {
  AgentReport,
  AppliedConfigReport,
  FoundConfigReport,
  RatholeClientReport,
  RevertedConfigReport,
  SystemReport,
} from '../agent/agent-report.js';
import type { AgentStatus } from '../agent/agent-status.js';
import type { Machine } from '../machine.entity.js';
import type { HostMetrics } from './host-metrics.js';
import type { DataPathObservation, RevisionView, TunnelSummary } from './edge-view.js';

export const HEALTHS = ['healthy', 'degraded', 'down', 'unknown'] as const;
export type Health = (typeof HEALTHS)[number];

/** How a machine is: each part with the moment at which it was observed. */
export interface MachineStatus {
  machineId: string;
  health: Health;
  /** What is wrong or not known, worst first; empty when healthy. */
  reasons: string[];
  /** null: the machine has no agent. */
  agent: {
    status: AgentStatus;
    observedAt: Date | null;
    reportedAt: Date | null;
    version: string | null;
    protocolVersion: number | null;
  } | null;
  rathole: {
    version: string | null;
    /** What this build cannot do for lack of Gopher's patches. */
    lacks: RatholeCapability[];
    control: RatholeClientReport | null;
    data: RatholeClientReport | null;
    config: AppliedConfigReport | null;
    reverted: RevertedConfigReport | null;
    found: FoundConfigReport | null;
    activeTunnels: number;
    observedAt: Date | null;
  } | null;
  system: (SystemReport & { observedAt: Date }) | null;
  /** The newest sample; null: none yet, or no agent. */
  metrics: HostMetrics | null;
  dataPath: DataPathObservation | null;
  /** null: not known yet. */
  revision: RevisionView | null;
  tunnels: TunnelSummary;
}

export interface StatusFacts {
  machine: Machine;
  tunnels: TunnelSummary;
  metrics: HostMetrics | null;
  dataPath: DataPathObservation | null;
  revision: RevisionView | null;
  /** null: nothing is known against the control client. */
  controlProblem: string | null;
}

export const NO_TUNNELS: TunnelSummary = {
  total: 0,
  active: 0,
  pending: 0,
  failed: 0,
  observedAt: null,
};

export function deriveStatus(facts: StatusFacts): MachineStatus {
  const { machine, tunnels, metrics, dataPath, revision } = facts;
  const { health, reasons } = deriveHealth(facts);
  return {
    machineId: machine.id,
    health,
    reasons,
    agent: agentOf(machine),
    rathole: ratholeOf(machine),
    system: systemOf(machine),
    metrics: machine.agentStatus === null ? null : metrics,
    dataPath: machine.agentStatus === null ? null : dataPath,
    revision,
    tunnels,
  };
}

function agentOf(machine: Machine): MachineStatus['agent'] {
  if (machine.agentStatus === null) return null;
  return {
    status: machine.agentStatus,
    observedAt: machine.agentObservedAt,
    reportedAt: machine.agentReportedAt,
    version: machine.agentReport?.agentVersion ?? null,
    protocolVersion: machine.agentReport?.protocolVersion ?? null,
  };
}

function ratholeOf({ agentReport, agentReportedAt }: Machine): MachineStatus['rathole'] {
  if (!agentReport) return null;
  return {
    version: agentReport.ratholeVersion || null,
    lacks: agentReport.ratholeVersion ? ratholeLacks(agentReport.ratholeVersion, 'client') : [],
    control: agentReport.control,
    data: agentReport.data,
    config: agentReport.config,
    // A report that was stored by an earlier release has neither.
    reverted: agentReport.reverted ?? null,
    found: agentReport.found ?? null,
    activeTunnels: agentReport.activeTunnels,
    observedAt: agentReportedAt,
  };
}

function systemOf({ agentReport, agentReportedAt }: Machine): MachineStatus['system'] {
  if (!agentReport?.system || !agentReportedAt) return null;
  return { ...agentReport.system, observedAt: agentReportedAt };
}

function deriveHealth(facts: StatusFacts): { health: Health; reasons: string[] } {
  switch (facts.machine.agentStatus) {
    case null:
      return withoutAgent(facts.tunnels);
    case 'up':
      return withAgent(facts);
    case 'down':
      return silentAgent('The agent does not answer', facts, 'down');
    case 'unknown':
      return silentAgent('The agent has not answered yet, or just missed to', facts, 'unknown');
  }
}

function withoutAgent(tunnels: TunnelSummary): { health: Health; reasons: string[] } {
  if (tunnels.total === 0) return { health: 'unknown', reasons: ['No agent and no tunnel yet'] };
  const reasons = tunnelReasons(tunnels);
  if (reasons.length === 0) return { health: 'healthy', reasons };
  if (tunnels.failed === tunnels.total) return { health: 'down', reasons };
  return { health: tunnels.failed > 0 ? 'degraded' : 'unknown', reasons };
}

function withAgent(facts: StatusFacts): {
  health: Health;
  reasons: string[];
} {
  const { machine, tunnels, dataPath, revision, controlProblem } = facts;
  const reasons = [
    ...reportReasons(machine.agentReport),
    ...(dataPath && !dataPath.serves ? [`No bytes pass the data client: ${dataPath.detail}`] : []),
    ...revisionReasons(revision),
    ...(controlProblem === null ? [] : [controlProblem]),
    ...tunnelReasons({ ...tunnels, pending: 0 }),
  ];
  return { health: reasons.length === 0 ? 'healthy' : 'degraded', reasons };
}

/** A silent agent says nothing of the tunnels: while bytes pass them, the machine is not down. */
function silentAgent(reason: string, facts: StatusFacts, verdict: 'down' | 'unknown') {
  const reasons = [reason, ...tunnelReasons({ ...facts.tunnels, pending: 0 })];
  const serves = facts.dataPath?.serves === true;
  const health: Health = verdict === 'down' && serves ? 'degraded' : verdict;
  return { health, reasons };
}

function reportReasons(report: AgentReport | null): string[] {
  if (!report) return [];
  const reasons: string[] = [];
  if (report.data && report.data.state !== 'connected') {
    reasons.push(`The data client is ${report.data.state}${detail(report.data.detail)}`);
  }
  if (report.control && ['stopped', 'frozen'].includes(report.control.state)) {
    reasons.push(`The control client is ${report.control.state}${detail(report.control.detail)}`);
  }
  if (report.config?.state === 'drifted') {
    reasons.push(`The client configuration was changed by hand${detail(report.config.detail)}`);
  }
  return reasons;
}

function revisionReasons(revision: RevisionView | null): string[] {
  if (revision?.state !== 'reverted' && revision?.state !== 'refused') return [];
  return [`Its newest configuration was ${revision.state}${detail(revision.reason ?? '')}`];
}

function tunnelReasons(tunnels: TunnelSummary): string[] {
  const reasons: string[] = [];
  if (tunnels.failed > 0) reasons.push(`${tunnels.failed} of ${tunnels.total} tunnels failed`);
  if (tunnels.pending > 0) reasons.push(`${tunnels.pending} of ${tunnels.total} tunnels wait`);
  return reasons;
}

const detail = (text: string): string => (text ? `: ${text}` : '');
