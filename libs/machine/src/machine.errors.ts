export const ERROR_KINDS = [
  'invalid',
  'refused',
  'not-found',
  'conflict',
  'changed',
  'unreachable',
  'unavailable',
] as const;
/** What a caller can do about it: `refused` lacks the right, `changed` was read before a change. */
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** An error that a caller can act on: the code is stable, the message says what and where. */
export abstract class DomainError extends Error {
  abstract readonly code: string;
  abstract readonly kind: ErrorKind;
  override get name(): string {
    return this.constructor.name;
  }
}

export class MachineNotFoundError extends DomainError {
  readonly code = 'machine-not-found';
  readonly kind = 'not-found';
  constructor(readonly machineId: string) {
    super(`No machine with id ${machineId}`);
  }
}

export class MachineNameTakenError extends DomainError {
  readonly code = 'machine-name-taken';
  readonly kind = 'conflict';
  constructor(readonly machineName: string) {
    super(`A machine named "${machineName}" already exists; choose another name`);
  }
}

export class MachineChangedError extends DomainError {
  readonly code = 'machine-changed';
  readonly kind = 'changed';
  constructor(readonly machineId: string) {
    super(`Machine ${machineId} was changed since it was read; read it again, then repeat`);
  }
}

export class AgentUnreachableError extends DomainError {
  readonly code = 'agent-unreachable';
  readonly kind = 'unreachable';
  constructor(
    readonly machineId: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`The agent of machine ${machineId} did not answer: ${reason}`, options);
  }
}
