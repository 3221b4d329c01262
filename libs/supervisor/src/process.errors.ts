import type { Exit } from './exit-watch.js';

export abstract class SupervisorError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

export interface StartFailure {
  name: string;
  file: string;
  reason: string;
  /** The last lines that this start wrote to its log; empty when it never ran. */
  logTail?: string;
  /** null when it never ran. */
  exit?: Exit | null;
}

export class ProcessStartError extends SupervisorError {
  readonly code = 'process-start-failed';
  readonly processName: string;
  readonly file: string;
  readonly reason: string;
  readonly logTail: string;
  readonly exit: Exit | null;

  constructor(failure: StartFailure, options?: ErrorOptions) {
    const { name, file, reason, logTail = '', exit = null } = failure;
    const tail = logTail === '' ? '' : `\nThe end of its log:\n${logTail}`;
    super(`${name} did not start (${file}): ${reason}${tail}`, options);
    this.processName = name;
    this.file = file;
    this.reason = reason;
    this.logTail = logTail;
    this.exit = exit;
  }
}

export class ProcessStopError extends SupervisorError {
  readonly code = 'process-stop-failed';

  constructor(
    readonly processName: string,
    readonly pid: number,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`${processName} (pid ${pid}) did not stop: ${reason}`, options);
  }
}

export class UnknownProcessError extends SupervisorError {
  readonly code = 'process-unknown';

  constructor(readonly processName: string) {
    super(`No process named "${processName}" was ever started by this supervisor`);
  }
}

export class InvalidProcessNameError extends SupervisorError {
  readonly code = 'process-name-invalid';

  constructor(readonly processName: string) {
    super(
      `"${processName}" can not name a process: use a-z, 0-9 and "-"; "-" not at the beginning`,
    );
  }
}

export class SupervisorReleasedError extends SupervisorError {
  readonly code = 'supervisor-released';

  constructor() {
    super('This supervisor has let go of its processes and takes no more orders');
  }
}
