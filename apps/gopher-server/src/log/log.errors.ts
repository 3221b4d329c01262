import { DomainError } from '@gopher/machine';

/** The machine has no agent, and its rathole client is run by hand: its log is where it was started. */
export class NoAgentLogsError extends DomainError {
  readonly code = 'no-agent';
  readonly kind = 'conflict';
  constructor(machineId: string) {
    super(
      `Machine ${machineId} has no agent, and its logs can only be read there; join it with an agent ` +
        'to read them here',
    );
  }
}

/** The machine or this edge does not keep that log where it can be read. */
export class LogsUnreadableError extends DomainError {
  readonly code = 'logs-unreadable';
  readonly kind = 'conflict';
}

export class AgentLacksLogsError extends DomainError {
  readonly code = 'agent-outdated';
  readonly kind = 'conflict';
  constructor(machineId: string, options?: ErrorOptions) {
    super(
      `The agent of machine ${machineId} is too old to tell its logs; update it with the join command`,
      options,
    );
  }
}

export class TooManyLogReadersError extends DomainError {
  readonly code = 'too-many-log-readers';
  readonly kind = 'unavailable';
}
