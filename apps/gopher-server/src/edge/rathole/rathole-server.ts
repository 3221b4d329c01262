import { Injectable, Logger } from '@nestjs/common';
import {
  EngineMissingError,
  type LocatedEngine,
  locateRathole,
  type RatholeCapability,
  type RatholeCapabilityId,
  ratholeHas,
  ratholeLacks,
} from '@gopher/engines';
import { Supervisor } from '@gopher/supervisor';
import { ServerConfig } from '../../config/server.config.js';
import { EdgeFileUnwritableError } from '../edge.errors.js';
import { StateDirectory } from '../../state/state-directory.js';

const NAME = 'rathole-server';
const FILE = 'rathole/server.toml';

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

  constructor(
    private readonly config: ServerConfig,
    private readonly state: StateDirectory,
    private readonly supervisor: Supervisor,
  ) {}

  /**
   * Makes the file what it should be, and the process run. rathole takes a changed file by itself.
   * @throws EdgeFileUnwritableError once the process runs, with the file as it was
   */
  async apply(toml: string): Promise<void> {
    const unwritten = await this.write(toml);
    if (!this.started) await this.start();
    if (unwritten) throw unwritten;
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
    const problem = ended ?? this.unwritten?.message ?? null;
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

  private async write(toml: string): Promise<EdgeFileUnwritableError | null> {
    try {
      if ((await this.state.read(FILE)) !== toml) await this.state.write(FILE, toml);
      this.unwritten = null;
    } catch (error) {
      this.unwritten = new EdgeFileUnwritableError(this.state.path(FILE), error);
    }
    return this.unwritten;
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
      if (adopted && pid !== null) this.adopted = { pid, version: await runningVersion(pid) };
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

/** The program may have been replaced since: what runs is asked, not what is at its path. */
async function runningVersion(pid: number): Promise<string | null> {
  const options = { explicitPath: `/proc/${pid}/exe`, searchPath: '' };
  return locateRathole(options).then(
    ({ version }) => version,
    () => null,
  );
}
