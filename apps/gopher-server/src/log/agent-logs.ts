import type { LogBatch, LogQuery } from '@gopher/log';
import type { AgentTarget } from '@gopher/machine';
import type { MachineLog } from './log-source.js';

/** What the edge needs from an agent to show the logs of its machine. */
export abstract class AgentLogs {
  /**
   * As a LogReader reads: only while the next batch is awaited, and until `signal` aborts, which ends
   * it on the machine as well.
   * @throws AgentUnreachableError, AgentLacksLogsError, LogsUnreadableError, TooManyLogReadersError
   */
  abstract read(
    target: AgentTarget,
    query: LogQuery<MachineLog>,
    signal: AbortSignal,
  ): AsyncGenerator<LogBatch<MachineLog>>;
}
