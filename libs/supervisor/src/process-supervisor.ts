import { processFiles } from './process-files.js';
import { SupervisorReleasedError, UnknownProcessError } from './process.errors.js';
import { SupervisedProcess } from './supervised-process.js';
import type { Supervision } from './supervision.js';
import {
  type ProcessListener,
  type ProcessSpec,
  type ProcessStatus,
  Supervisor,
} from './supervisor.js';
import type { SupervisorLog } from './supervisor-log.js';

const DEFAULT_LOG_MAX_BYTES = 10 * 1024 * 1024;
const TIDY_MS = 10_000;
const SILENT: SupervisorLog = { log: () => {}, warn: () => {} };

export interface ProcessSupervisorOptions {
  /** Absolute; holds `<name>.pid.json`, `<name>.log` and the FIFO `<name>.exit`. */
  directory: string;
  /** A log above it is cut; the newest part stays as `<name>.log.1`. Default 10 MiB. */
  logMaxBytes?: number;
  log?: SupervisorLog;
  /** 0 to 1, for the jitter of restarts. Default `Math.random`. */
  random?: () => number;
}

/**
 * Runs processes as detached children, where no service manager was set up for it. Orders that are
 * under way keep Node alive; merely supervising does not.
 */
export class ProcessSupervisor extends Supervisor {
  private readonly processes = new Map<string, SupervisedProcess>();
  private readonly listeners = new Set<ProcessListener>();
  private readonly lastSent = new Map<string, string>();
  private readonly supervision: Supervision;
  private readonly tidyTimer: NodeJS.Timeout;
  private released = false;

  constructor(options: ProcessSupervisorOptions) {
    super();
    this.supervision = {
      directory: options.directory,
      logMaxBytes: options.logMaxBytes ?? DEFAULT_LOG_MAX_BYTES,
      log: options.log ?? SILENT,
      random: options.random ?? Math.random,
      claims: new Map(),
      changed: (status) => this.send(status),
    };
    this.tidyTimer = setInterval(() => this.tidy(), TIDY_MS).unref();
  }

  async start(spec: ProcessSpec): Promise<ProcessStatus> {
    return this.process(spec.name).start(spec);
  }

  async restart(name: string): Promise<ProcessStatus> {
    return this.process(name).restart();
  }

  async stop(name: string): Promise<void> {
    return this.process(name).stop();
  }

  status(name: string): ProcessStatus {
    const process = this.processes.get(name);
    if (!process) throw new UnknownProcessError(name);
    return process.status();
  }

  onChange(listener: ProcessListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  logFile(name: string): string {
    return processFiles(this.supervision.directory, name).log;
  }

  async release(): Promise<void> {
    this.released = true;
    clearInterval(this.tidyTimer);
    await Promise.all([...this.processes.values()].map((process) => process.release()));
  }

  private process(name: string): SupervisedProcess {
    if (this.released) throw new SupervisorReleasedError();
    let process = this.processes.get(name);
    if (!process) {
      process = new SupervisedProcess(name, this.supervision);
      this.processes.set(name, process);
    }
    return process;
  }

  private send(status: ProcessStatus): void {
    const text = JSON.stringify(status);
    if (this.lastSent.get(status.name) === text) return;
    this.lastSent.set(status.name, text);
    for (const listener of this.listeners) {
      try {
        listener(status);
      } catch (error) {
        this.supervision.log.warn(`A listener failed: ${String(error)}`);
      }
    }
  }

  private tidy(): void {
    for (const process of this.processes.values()) void process.tidy();
  }
}
