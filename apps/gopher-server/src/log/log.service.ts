import { Injectable } from '@nestjs/common';
import type { LogBatch, LogQuery } from '@gopher/log';
import { MachineService } from '@gopher/machine';
import { AgentLogs } from './agent-logs.js';
import { EdgeLogs } from './edge-logs.js';
import { NoAgentLogsError } from './log.errors.js';
import type { EdgeLog, MachineLog } from './log-source.js';

/** The logs of machines and of this edge. All read as a LogReader does: only what is awaited. */
@Injectable()
export class LogService {
  constructor(
    private readonly machines: MachineService,
    private readonly agents: AgentLogs,
    private readonly edge: EdgeLogs,
  ) {}

  /** @throws MachineNotFoundError, NoAgentLogsError, and as AgentLogs */
  async *ofMachine(
    id: string,
    query: LogQuery<MachineLog>,
    signal: AbortSignal,
  ): AsyncGenerator<LogBatch<MachineLog>> {
    const { agentAddr } = await this.machines.get(id);
    if (agentAddr === null) throw new NoAgentLogsError(id);
    yield* this.agents.read({ id, agentAddr }, query, signal);
  }

  /** @throws as EdgeLogs */
  ofEdge(query: LogQuery<EdgeLog>, signal: AbortSignal): AsyncGenerator<LogBatch<EdgeLog>> {
    return this.edge.read(query, signal);
  }
}
