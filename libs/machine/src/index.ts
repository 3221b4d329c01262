export { AgentClient, type AgentTarget } from './agent/agent-client.js';
export {
  type AgentReport,
  type AppliedConfigReport,
  RATHOLE_CLIENT_STATES,
  type RatholeClientReport,
  type FoundConfigReport,
  type RevertedConfigReport,
  type RatholeClientState,
  type SystemReport,
} from './agent/agent-report.js';
export { AGENT_STATUSES, type AgentStatus } from './agent/agent-status.js';
export { EdgeId } from './edge-id.js';
export { forEachLimit } from './health/for-each-limit.js';
export { MachineHeal } from './health/machine-heal.entity.js';
export { MachineHealthSweep, type SweepResult } from './health/machine-health.sweep.js';
export { SelfHeal } from './health/self-heal.js';
export { Machine } from './machine.entity.js';
export * from './machine.errors.js';
export { MachineModule } from './machine.module.js';
export { MachineService, type MachineWithAgent } from './machine.service.js';
export {
  type DataPathObservation,
  EdgeView,
  REVISION_STATES,
  type RevisionView,
  type TunnelSummary,
} from './status/edge-view.js';
export {
  type HostMetrics,
  type HostSample,
  type InterfaceCounts,
  type InterfaceMetrics,
} from './status/host-metrics.js';
export { type AgentStatusChange, MachineEvents } from './status/machine-events.js';
export { type Health, HEALTHS, type MachineStatus, NO_TUNNELS } from './status/machine-status.js';
export { type AgentObservation, StatusRecorder } from './status/status-recorder.js';
export { violates } from './unique-violation.js';
