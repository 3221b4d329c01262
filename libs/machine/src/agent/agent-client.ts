import type { AgentReport } from './agent-report.js';

/** A machine that has an agent: the id is its identity, the address only where it answers now. */
export interface AgentTarget {
  id: string;
  agentAddr: string;
}

/** What the domain needs from an agent. The gRPC adapter lives in the server. */
export abstract class AgentClient {
  /** @throws AgentUnreachableError when no answer arrives within the adapter's deadline. */
  abstract getStatus(target: AgentTarget): Promise<AgentReport>;

  /** Restarts the data client. @throws AgentUnreachableError */
  abstract restartRathole(target: AgentTarget, reason: string): Promise<void>;
}
