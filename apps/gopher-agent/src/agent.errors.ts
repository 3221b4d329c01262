/** What the agent can not or will not do, in words that a person can act on. */
export abstract class AgentError extends Error {
  abstract readonly code: string;
  override get name() {
    return this.constructor.name;
  }
}

/** A command that was called in a way, or in a place, in which it can not work. */
export class UsageError extends AgentError {
  readonly code = 'usage';
}

export class NotEnrolledError extends AgentError {
  readonly code = 'not-enrolled';
}

export class StateInUseError extends AgentError {
  readonly code = 'state-in-use';
}

/** The machine's disk or its permissions do not let the agent keep what it has to keep. */
export class StorageError extends AgentError {
  readonly code = 'storage';
  constructor(
    message: string,
    readonly full: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export class EnrolmentError extends AgentError {
  readonly code = 'enrolment';
}

export class ConfigRefusedError extends AgentError {
  readonly code = 'config-refused';
}

/** Refused by what the machine's owner allows. */
export class PolicyRefusedError extends ConfigRefusedError {}

export class RevisionRefusedError extends AgentError {
  readonly code = 'revision-refused';
}

/** A push that did not stay: something newer took its place, or the data client did not take it. */
export class PushAbortedError extends AgentError {
  readonly code = 'push-aborted';
}

export class CertificateRefusedError extends AgentError {
  readonly code = 'certificate-refused';
}

export class NothingPendingError extends AgentError {
  readonly code = 'nothing-pending';
}

/** More at a time than the agent does. */
export class BusyError extends AgentError {
  readonly code = 'busy';
}

export class ClientStartError extends AgentError {
  readonly code = 'client-start';
}
