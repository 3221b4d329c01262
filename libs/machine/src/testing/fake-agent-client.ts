import { AgentClient, type AgentTarget } from '../agent/agent-client.js';
import type { AgentReport } from '../agent/agent-report.js';
import { AgentUnreachableError } from '../machine.errors.js';

export function agentReport(changes: Partial<AgentReport> = {}): AgentReport {
  const client = { pid: 1, startedAt: null, restarts: 0, restartNeeded: false, detail: '' };
  return {
    protocolVersion: 1,
    agentVersion: '0.1.0',
    ratholeVersion: '0.5.0',
    system: null,
    control: { ...client, state: 'connected' },
    data: { ...client, state: 'connected' },
    config: { revision: 1, sha256: 'ab', state: 'applied', detail: '' },
    activeTunnels: 0,
    reverted: null,
    highestRevision: 1,
    found: null,
    controlSha256: '',
    policyVersion: '',
    ...changes,
  };
}

/** Answers for the addresses in `online`; hangs for `deadlineMs` on the others. */
export class FakeAgentClient extends AgentClient {
  readonly online = new Map<string, AgentReport>();
  readonly broken = new Set<string>();
  readonly restarted: string[] = [];
  inFlight = 0;
  mostInFlight = 0;
  deadlineMs = 20;

  async getStatus(target: AgentTarget): Promise<AgentReport> {
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      if (this.broken.has(target.agentAddr)) throw new Error('a bug in the adapter');
      const report = this.online.get(target.agentAddr);
      if (report) return report;
      await new Promise((resolve) => setTimeout(resolve, this.deadlineMs));
      throw new AgentUnreachableError(target.id, 'deadline exceeded');
    } finally {
      this.inFlight -= 1;
    }
  }

  restartRathole(target: AgentTarget): Promise<void> {
    this.restarted.push(target.id);
    return Promise.resolve();
  }
}
