import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import {
  EngineMissingError,
  type LocatedEngine,
  locateRathole,
  type RatholeCapability,
  type RatholeCapabilityId,
  ratholeHas,
  ratholeLacks,
  runningRatholeVersion,
} from '@gopher/engines';
import { parseHostPort } from '@gopher/rathole';
import { Supervisor } from '@gopher/supervisor';
import { ServerConfig } from '../../config/server.config.js';
import { EdgeFileUnwritableError } from '../edge.errors.js';
import { StateDirectory } from '../../state/state-directory.js';
import { PortProbe } from '../../tunnel/port-probe.js';
import { listensOn } from './listens-on.js';
import { bindAddrOf, hasSameTransport, transportOf, withTransportOf } from './server-transport.js';

const NAME = 'rathole-server';
const FILE = 'rathole/server.toml';
/** The file with which rathole was seen to listen last; its services may be older. */
const GOOD_FILE = `${FILE}.good`;
/** rathole takes a changed file a moment after it was written. */
const TAKING_MS = 1_000;
const LISTENING_MS = 5_000;
const LOOK_MS = 50;

export interface RatholeServerStatus {
  state: 'running' | 'stopped' | 'backing-off' | 'missing' | 'failed';
  pid: number | null;
  adopted: boolean;
  restartNeeded: boolean;
  /** Of the build that runs, which may be older than the one that would be started now; null: none. */
  version: string | null;
  /** What this build cannot do for lack of Gopher's patches. */
  lacks: RatholeCapability[];
  /** What is wrong and what to do; null when nothing is. */
  problem: string | null;
}

const NOT_RUNNING = {
  pid: null,
  adopted: false,
  restartNeeded: false,
  version: null,
  lacks: [],
} satisfies Partial<RatholeServerStatus>;

/** The rathole server of this edge: its file, and that it runs. */
@Injectable()
export class RatholeServer {
  private readonly logger = new Logger(RatholeServer.name);
  private engine: LocatedEngine | null = null;
  private adopted: { pid: number; version: string | null } | null = null;
  private problem: string | null = null;
  private missing = false;
  private started = false;
  private unwritten: EdgeFileUnwritableError | null = null;
  /** null: rathole was never seen to listen; undefined: not read yet. */
  private good: string | null | undefined;
  /** Settings outside of the services that rathole was given, and could not use. */
  private failed: string | null = null;
  /** Why it has other settings than are wanted; null when it has not. */
  private withheld: string | null = null;

  constructor(
    private readonly config: ServerConfig,
    private readonly state: StateDirectory,
    private readonly supervisor: Supervisor,
    private readonly ports: PortProbe,
  ) {}

  /**
   * Makes the file what it should be, and the process run. rathole takes a changed file by itself.
   * Settings outside of the services that it can not use are taken back: the tunnels go on.
   * @throws EdgeFileUnwritableError once the process runs, with the file as it was
   */
  async apply(wanted: string): Promise<void> {
    const tried = await this.writeWhatMayWork(wanted);
    if (!this.started) await this.start();
    if (this.unwritten) throw this.unwritten;
    if (tried && !this.missing) await this.keepOrTakeBack(tried, wanted);
  }

  /** host:port on which rathole listens; null: not known. */
  get bindAddr(): string | null {
    return this.good ? bindAddrOf(this.good) : null;
  }

  status(): RatholeServerStatus {
    if (!this.started) {
      const state = this.missing ? 'missing' : this.problem === null ? 'stopped' : 'failed';
      const { problem } = this;
      return { ...NOT_RUNNING, state, problem };
    }
    const { state, pid, adopted, restartNeeded } = this.supervisor.status(NAME);
    const version = this.versionOf(pid);
    const lacks = version === null ? [] : ratholeLacks(version, 'server');
    const ended =
      state === 'running' ? null : `It ended; its log is ${this.supervisor.logFile(NAME)}`;
    const problem = ended ?? this.unwritten?.message ?? this.withheld;
    return { state, pid, adopted, restartNeeded, version, lacks, problem };
  }

  /** Whether one runs, and can do this. */
  has(id: RatholeCapabilityId): boolean {
    const { version } = this.status();
    return version !== null && ratholeHas(version, id);
  }

  private versionOf(pid: number | null): string | null {
    if (pid === null) return null;
    return this.adopted?.pid === pid ? this.adopted.version : (this.engine?.version ?? null);
  }

  /** Resolves with what has to be seen to work; null: it has, or nothing could be written. */
  private async writeWhatMayWork(wanted: string): Promise<{ isNew: boolean } | null> {
    try {
      const present = await this.state.read(FILE);
      this.good ??= (await this.state.read(GOOD_FILE)) ?? present;
      const { good } = this;
      const isKnown = good !== null && hasSameTransport(good, wanted);
      if (!isKnown && good !== null) this.withheld = await this.obstacleTo(wanted, present);
      else this.withheld = null;
      const toml = this.withheld === null || good === null ? wanted : withTransportOf(good, wanted);
      if (present !== toml) await this.state.write(FILE, toml);
      this.unwritten = null;
      const isKept = isKnown && (await this.state.read(GOOD_FILE)) !== null;
      return isKept || this.withheld !== null ? null : { isNew: present === null || isKnown };
    } catch (error) {
      this.unwritten = new EdgeFileUnwritableError(this.state.path(FILE), error);
      return null;
    }
  }

  /** Why rathole is not given these settings at all; null: it is tried. */
  private async obstacleTo(wanted: string, present: string | null): Promise<string | null> {
    if (this.failed === transportOf(wanted)) return this.withheld;
    const bindAddr = bindAddrOf(wanted);
    const address = parseHostPort(bindAddr);
    const isPresent = present !== null && hasSameTransport(present, wanted);
    const before = parseHostPort(this.bindAddr ?? '');
    // On the port that it has, rathole itself would be what is in the way.
    if (!address || isPresent || before?.port === address.port) return null;
    const obstacle = await this.ports.obstacle('tcp', address.host, address.port);
    if (!obstacle) return null;
    return (
      `rathole goes on with ${this.bindAddr}: ${bindAddr} can not be had, it is taken ` +
      `${obstacle.why}. Free it, or set GOPHER_RATHOLE_BIND to another; it is looked at every 15 s`
    );
  }

  private async keepOrTakeBack({ isNew }: { isNew: boolean }, wanted: string): Promise<void> {
    if (!isNew && this.started) await delay(TAKING_MS);
    if (this.started && (await this.listens(bindAddrOf(wanted)))) {
      this.good = wanted;
      this.failed = null;
      await this.state.write(GOOD_FILE, wanted);
      return;
    }
    const { good } = this;
    if (!good || hasSameTransport(good, wanted)) return; // there is nothing better
    this.failed = transportOf(wanted);
    this.withheld =
      `rathole goes on with ${this.bindAddr}: it did not listen on ${bindAddrOf(wanted)}; its log ` +
      `${this.supervisor.logFile(NAME)} says why. Correct GOPHER_RATHOLE_BIND and start again`;
    this.logger.error(this.withheld);
    await this.state.write(FILE, withTransportOf(good, wanted));
    if (!this.started) await this.start();
    else if (this.supervisor.status(NAME).state !== 'running') await this.supervisor.restart(NAME);
  }

  private async listens(bindAddr: string): Promise<boolean> {
    const port = parseHostPort(bindAddr)?.port ?? 0;
    const deadline = Date.now() + LISTENING_MS;
    for (;;) {
      const { state, pid } = this.supervisor.status(NAME);
      if (pid !== null && (await listensOn(pid, port))) return true;
      if (state === 'backing-off' || Date.now() > deadline) return false;
      await delay(LOOK_MS);
    }
  }

  private async start(): Promise<void> {
    try {
      this.engine = await locateRathole({
        ...(this.config.ratholePath ? { explicitPath: this.config.ratholePath } : {}),
        cacheDir: this.config.engineCacheDir,
        searchPath: this.config.searchPath,
      });
      for (const warning of this.engine.warnings) this.logger.warn(warning);
      const { ratholePoolSize } = this.config;
      const { adopted, pid } = await this.supervisor.start({
        name: NAME,
        file: this.engine.path,
        args: ['--server', this.state.path(FILE)],
        env: {
          RUST_LOG: 'info',
          ...(ratholePoolSize === undefined ? {} : { RATHOLE_POOL_SIZE: String(ratholePoolSize) }),
        },
      });
      if (adopted && pid !== null)
        this.adopted = { pid, version: await runningRatholeVersion(pid) };
      this.started = true;
      this.missing = false;
      this.problem = null;
      this.sayWhatItLacks();
    } catch (error) {
      this.missing = error instanceof EngineMissingError;
      this.report(error instanceof Error ? error.message : String(error));
    }
  }

  private sayWhatItLacks(): void {
    const { version, lacks, restartNeeded } = this.status();
    if (lacks.length === 0) return;
    const remedy = restartNeeded
      ? 'a newer one is there: it is used once rathole is started again'
      : 'see npm run rathole';
    this.logger.warn(
      [`rathole ${version} lacks some of Gopher's patches (${remedy}):`]
        .concat(lacks.map(({ lacking }) => `- ${lacking}`))
        .join('\n'),
    );
  }

  /** Once for each problem, not at every attempt. */
  private report(problem: string): void {
    if (problem !== this.problem) this.logger.error(problem);
    this.problem = problem;
  }
}
