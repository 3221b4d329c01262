import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { AgentTarget } from '../agent/agent-client.js';
import type { AgentReport } from '../agent/agent-report.js';
import type { AgentStatus } from '../agent/agent-status.js';

export interface AgentStatusChange {
  machineId: string;
  from: AgentStatus;
  to: AgentStatus;
  at: Date;
  /** Why, for a person to read. */
  reason: string;
}

/** What happens to machines, for those who want to hear of it. */
@Injectable()
export class MachineEvents {
  readonly agentStatus = new Subject<AgentStatusChange>();
  /** Every answer of an agent, changed or not. */
  readonly report = new Subject<{ target: AgentTarget; report: AgentReport }>();
  /** Something other than the agent's status changed: read the status again. */
  readonly changed = new Subject<{ machineId: string }>();
  readonly removed = new Subject<{ machineId: string }>();
}
