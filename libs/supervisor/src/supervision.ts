import type { ExitWatch } from './exit-watch.js';
import type { PidRecord } from './pid-record.js';
import type { ProcessStatus } from './supervisor.js';
import type { SupervisorLog } from './supervisor-log.js';

/** What the processes of one supervisor share. */
export interface Supervision {
  directory: string;
  logMaxBytes: number;
  log: SupervisorLog;
  random: () => number;
  /** Pid → name, from the spawn on: two processes with one command line must not be mixed up. */
  claims: Map<number, string>;
  changed: (status: ProcessStatus) => void;
}

/** A process that runs and is looked after. */
export interface Supervised {
  record: PidRecord;
  watch: ExitWatch;
  adopted: boolean;
}
