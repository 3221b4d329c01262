import { Logger } from '@nestjs/common';
import type { ProcessStatus, Supervisor } from '@gopher/supervisor';
import { ClientStartError } from '../agent.errors.js';
import { CLIENT_NAMES, type ClientName, type ClientProcess } from '../state/state-directory.js';
import { killProcesses } from '../host/running-processes.js';
import { clientSpec, runsClientOf } from './client-spec.js';
import type { RatholeBinary } from './rathole-binary.js';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

export interface ClientPlace {
  process: ClientProcess;
  file: string;
}

/** The two rathole clients of this machine: kept running, and left running when the agent goes. */
export class RatholeClients {
  private readonly logger = new Logger(RatholeClients.name);
  private readonly problems = new Map<ClientName, string>();
  private readonly restarting = new Map<ClientName, Promise<ProcessStatus>>();
  private readonly healed = new Map<ClientName, number>();
  private readonly timers = new Map<ClientName, NodeJS.Timeout>();
  /** A data client that was found running. */
  private adopted: { pid: number; version: string } | null = null;
  private isReleased = false;

  constructor(
    private readonly supervisor: Supervisor,
    private readonly binary: RatholeBinary,
    private readonly places: Record<ClientName, ClientPlace>,
  ) {}

  /** Control first: it is the way to repair everything else. Never fails: it keeps trying. */
  async start(): Promise<void> {
    for (const name of CLIENT_NAMES) await this.tryToStart(name, FIRST_RETRY_MS);
  }

  /** null when it was never started. */
  status(name: ClientName): ProcessStatus | null {
    return this.statusOf(this.places[name].process);
  }

  /** A process that need not be one of the two. */
  statusOf(process: ClientProcess): ProcessStatus | null {
    try {
      return this.supervisor.status(process);
    } catch {
      return null;
    }
  }

  /** Why it could not be started; empty when there is nothing to say. */
  problem(name: ClientName): string {
    return this.problems.get(name) ?? '';
  }

  /** Of the data client. */
  get ratholeVersion(): string {
    const pid = this.status('data')?.pid;
    return this.adopted?.pid === pid ? (this.adopted?.version ?? '') : this.binary.version;
  }

  logFile(name: ClientName): string {
    return this.supervisor.logFile(this.places[name].process);
  }

  onChange(listener: (process: string) => void): () => void {
    return this.supervisor.onChange(({ name }) => listener(name));
  }

  /** A restart that nobody asked for. @throws ClientStartError */
  async heal(name: ClientName, reason: string): Promise<void> {
    this.healed.set(name, (this.healed.get(name) ?? 0) + 1);
    await this.restart(name, reason);
  }

  /** How often it was started again without being asked for, since the agent began. */
  restarts(name: ClientName): number {
    return (this.status(name)?.restarts ?? 0) + (this.healed.get(name) ?? 0);
  }

  /** Calls at the same time come to one restart. @throws ClientStartError */
  restart(name: ClientName, reason: string): Promise<ProcessStatus> {
    const running = this.restarting.get(name);
    if (running) return running;
    this.logger.warn(`Restarting the ${name} client: ${reason}`);
    const restart = this.begin(name).finally(() => this.restarting.delete(name));
    this.restarting.set(name, restart);
    return restart;
  }

  /**
   * Starts it unless it runs. It may be about to be found running: a restart would end it, and with it
   * the connections that it carries. @throws ClientStartError
   */
  async ensure(name: ClientName): Promise<void> {
    await this.orSay(name, () => this.startOnce(name));
  }

  /** Starts one more, beside the two. @throws ClientStartError */
  async startBeside(place: ClientPlace): Promise<void> {
    try {
      await this.startIn(() => place);
    } catch (cause) {
      throw new ClientStartError(messageOf(cause), { cause });
    }
  }

  /** Ends what runs there, whoever started it. Never fails: what can not be ended is logged. */
  async endIn({ process, file }: ClientPlace): Promise<void> {
    try {
      await this.supervisor.stop(process);
      // One that was started just before the agent was killed is in no pid file.
      killProcesses(runsClientOf(file));
    } catch (error) {
      this.logger.error(messageOf(error));
    }
  }

  /** From now on the control client is the one that runs there. */
  moveControl(place: ClientPlace): void {
    this.places.control = place;
    this.problems.delete('control');
    clearTimeout(this.timers.get('control'));
  }

  async release(): Promise<void> {
    this.isReleased = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    await this.supervisor.release();
  }

  private begin(name: ClientName): Promise<ProcessStatus> {
    const known = this.status(name);
    const { process } = this.places[name];
    return this.orSay(name, () =>
      known ? this.supervisor.restart(process) : this.startOnce(name),
    );
  }

  private async orSay(
    name: ClientName,
    start: () => Promise<ProcessStatus>,
  ): Promise<ProcessStatus> {
    try {
      const status = await start();
      this.problems.delete(name);
      return status;
    } catch (cause) {
      const message = messageOf(cause);
      this.problems.set(name, message);
      throw new ClientStartError(message, { cause });
    }
  }

  private async startOnce(name: ClientName): Promise<ProcessStatus> {
    const status = await this.startIn(() => this.places[name]);
    const { pid, adopted } = status;
    if (name === 'data' && adopted && pid !== null) {
      this.adopted = { pid, version: await this.binary.versionOf(pid) };
    }
    return status;
  }

  /** Where to is asked last: the control client may move meanwhile. */
  private async startIn(placeNow: () => ClientPlace): Promise<ProcessStatus> {
    const rathole = await this.binary.find();
    const { process, file } = placeNow();
    return this.supervisor.start(clientSpec(process, rathole, file));
  }

  private async tryToStart(name: ClientName, retryMs: number): Promise<void> {
    if (this.isReleased) return;
    try {
      const { pid, adopted } = await this.startOnce(name);
      this.problems.delete(name);
      this.logger.log(`The ${name} client ${adopted ? 'was found running' : 'runs'} (pid ${pid})`);
    } catch (error) {
      const message = messageOf(error);
      if (this.problems.get(name) !== message) this.logger.error(message);
      this.problems.set(name, message);
      const next = Math.min(retryMs * 2, LAST_RETRY_MS);
      this.timers.set(
        name,
        setTimeout(() => void this.tryToStart(name, next), retryMs),
      );
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
