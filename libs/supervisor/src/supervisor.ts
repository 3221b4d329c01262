/** A process that is not ours and that has to run for as long as it is wanted. */
export interface ProcessSpec {
  /** Unique within one supervisor; names the pid file and the log: `[a-z0-9][a-z0-9-]*`. */
  name: string;
  /** Absolute path of the program. */
  file: string;
  args: readonly string[];
  /** The whole environment of the process, beside a minimal PATH and LANG. Default: nothing more. */
  env?: Readonly<Record<string, string>>;
  /** Default: `/`. */
  cwd?: string;
  /** Drop to this user. Only root can; default: the user of this process. */
  user?: { uid: number; gid: number };
  /** RLIMIT_NOFILE; lowered to what this process may grant. Default 65,536. */
  openFiles?: number;
  /** How it is asked to end, and how long it may take before SIGKILL. Default SIGTERM, 5,000 ms. */
  stop?: StopOrder;
  /** Start it again when it ends without having been stopped. Default true. */
  restart?: boolean;
  /**
   * Recognises a process that runs for this purpose although no pid file of ours tells of it: an
   * orphan, or one that a person started. Default: one with exactly this command line.
   */
  recognises?: (candidate: RunningProcess) => boolean;
}

export interface StopOrder {
  signal: NodeJS.Signals;
  graceMs: number;
}

/** What /proc says of a running process. */
export interface RunningProcess {
  pid: number;
  uid: number;
  argv: readonly string[];
  cwd: string | null;
}

export const PROCESS_STATES = ['stopped', 'running', 'backing-off'] as const;
export type ProcessState = (typeof PROCESS_STATES)[number];

export interface ProcessStatus {
  name: string;
  state: ProcessState;
  /** null unless running. */
  pid: number | null;
  startedAt: Date | null;
  /** Found running and taken over, not started by this supervisor. */
  adopted: boolean;
  /** Runs with another command line than its spec has now; nothing is restarted by itself. */
  restartNeeded: boolean;
  /** How often it was started again by itself, or tried to be, since this supervisor began. */
  restarts: number;
  /** code and signal are null when the process was adopted: only a parent learns them. */
  lastExit: { at: Date; code: number | null; signal: NodeJS.Signals | null } | null;
  /** When backing off: the moment of the next start. */
  nextStartAt: Date | null;
}

export type ProcessListener = (status: ProcessStatus) => void;

/**
 * Keeps processes running and outlives none of them: when the supervisor goes, they stay, and the
 * next supervisor adopts them.
 */
export abstract class Supervisor {
  /**
   * Adopts the process when it runs, starts it otherwise; keeps it running from then on.
   * Calling it again with a changed spec takes the spec over for the next start.
   * @throws ProcessStartError when it can not be started (no such file, no permission), or ended
   *   within its first 50 ms. A process that was wanted before stays wanted and is tried again with
   *   back-off; one that was not is left stopped.
   */
  abstract start(spec: ProcessSpec): Promise<ProcessStatus>;

  /**
   * Ends and starts it, without back-off. What can be seen to have no chance to start, such as a
   * missing file, is refused before the old process is touched; after a later failure it is tried
   * again as in `start`.
   * @throws ProcessStartError, ProcessStopError, UnknownProcessError
   */
  abstract restart(name: string): Promise<ProcessStatus>;

  /**
   * Ends it and keeps it ended. Resolves once it is gone; quietly when it never ran. Without a
   * `start` before, it ends what a former supervisor left running under this name.
   * @throws ProcessStopError when it may not be signalled, or survives SIGKILL for 10 s.
   */
  abstract stop(name: string): Promise<void>;

  /** @throws UnknownProcessError when `start` was never called for it. */
  abstract status(name: string): ProcessStatus;

  /** Calls on every change of a process's status; returns what ends the subscription. */
  abstract onChange(listener: ProcessListener): () => void;

  /** Absolute path of the log that holds the process's standard output and error. */
  abstract logFile(name: string): string;

  /**
   * Lets go of every process and leaves them all running. Waits for orders under way; later ones
   * are refused with SupervisorReleasedError.
   */
  abstract release(): Promise<void>;
}
