import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TrialConfig } from './config/trial.config.js';
import type { Progress } from './console/progress.js';
import type { Summary } from './console/summary.js';
import { EdgeApi } from './edge/edge-api.js';
import { AGENT, MachineJoin } from './edge/machine-join.js';
import { getRathole, type Rathole } from './edge/rathole.js';
import { SampleTunnel } from './edge/sample-tunnel.js';
import { pageSpec, PROGRAMS, serverSpec } from './process/specs.js';
import { type RunningProcess, trialProcesses } from './process/running.js';
import { TrialSupervisor } from './process/trial-supervisor.js';
import { type Memory, TrialDirectory } from './trial-directory.js';
import { together } from './until.js';

export const SERVER = 'gopher-server';
export const PAGE = 'sample-page';

/** A database that was killed may have a lot to replay. */
const SERVER_READY_MS = 120_000;

/** One edge, one machine, one tunnel. */
export class Trial {
  readonly directory: TrialDirectory;
  readonly supervisor: TrialSupervisor;
  readonly api: EdgeApi;
  readonly join: MachineJoin;
  private readonly tunnel: SampleTunnel;
  /** ms since the epoch; 0: it ran already. */
  private serverSince = 0;

  constructor(
    readonly config: TrialConfig,
    readonly progress: Progress,
  ) {
    this.directory = new TrialDirectory(config.directory);
    this.supervisor = new TrialSupervisor(this.directory.trial);
    this.api = new EdgeApi(config.apiUrl, this.directory.tokenFile);
    this.join = new MachineJoin(config, this.directory, this.supervisor, this.api);
    this.tunnel = new SampleTunnel(this.api, `127.0.0.1:${config.pagePort}`);
  }

  async running(): Promise<RunningProcess[]> {
    const { database } = await this.directory.recall();
    const roots = [this.directory.root];
    if (database) roots.push(dirname(database.dataDir));
    return trialProcesses({ roots, programs: PROGRAMS });
  }

  /** Everything that needs no other: the server, the page, rathole, an agent that was enrolled. */
  async begin(signal: AbortSignal): Promise<Rathole> {
    const abort = new AbortController();
    const either = AbortSignal.any([abort.signal, signal]);
    const memory = await this.directory.recall();
    await this.directory.remember(memory);
    const agent = this.join.mayStart(memory) ? this.join.startAgent() : Promise.resolve();
    const [rathole] = await together(abort, [
      getRathole(this.config, this.progress, either),
      this.startServer(either),
      this.supervisor.run(pageSpec(this.config, this.directory, memory.marker)),
      agent,
    ]);
    await this.rememberDatabase();
    return rathole;
  }

  /** This machine's agent reached, and the page read through the tunnel. */
  async connect(signal: AbortSignal): Promise<Summary> {
    const memory = await this.progress.step(
      'Joining this machine',
      () => this.joinMachine(signal),
      () => 'This machine is joined, its agent reached through rathole',
    );
    const machineId = memory.machineId!;
    const tunnel = await this.progress.step(
      'Opening a tunnel to the sample page',
      () => this.openTunnel(machineId, memory, signal),
      () => 'The sample page came through its tunnel',
    );
    const { address, target } = tunnel;
    return {
      ...this.summary(null),
      machineId,
      tunnel: { url: `http://${address}/`, address, target },
    };
  }

  /** What there is without a tunnel. */
  summary(problem: string | null): Summary {
    const { apiUrl } = this.config;
    return {
      directory: this.directory.root,
      api: `${apiUrl}/api/v1`,
      docs: `${apiUrl}/docs`,
      openapi: `${apiUrl}/openapi.json`,
      tokenFile: this.directory.tokenFile,
      machineId: null,
      tunnel: null,
      problem,
      logs: this.directory.trial,
    };
  }

  private async startServer(signal: AbortSignal): Promise<void> {
    await this.progress.step(
      'Starting the edge',
      async () => {
        const now = Date.now();
        const beginning = await this.supervisor.run(serverSpec(this.config, this.directory));
        this.serverSince = beginning === 'found running' ? 0 : now;
        await this.untilServerIsReady(signal);
        return beginning;
      },
      (beginning) => `gopher-server ${beginning} (${this.config.apiUrl})`,
    );
  }

  private async joinMachine(signal: AbortSignal): Promise<Memory> {
    await this.haveRatholeFound(signal);
    const before = await this.directory.recall();
    const { id } = await this.join.findOrCreate(before);
    const enrolled = await this.join.enrol(id, { ...before, machineId: id });
    await this.join.startAgent();
    return this.join.untilUp(enrolled, this.serverSince, signal);
  }

  /** A server that looked for it in vain, perhaps elsewhere, would look again only in a while. */
  private async haveRatholeFound(signal: AbortSignal): Promise<void> {
    const { rathole } = await this.api.edge();
    if (rathole.state !== 'missing') return;
    await this.supervisor.processes.restart(SERVER);
    await this.untilServerIsReady(signal);
  }

  private untilServerIsReady(signal: AbortSignal): Promise<true> {
    const isReady = async () => ((await this.api.isReady()) ? true : null);
    return this.supervisor.untilReady(SERVER, isReady, { timeoutMs: SERVER_READY_MS, signal });
  }

  private async openTunnel(machineId: string, memory: Memory, signal: AbortSignal) {
    const tunnel = await this.tunnel.findOrCreate(machineId, memory);
    await this.directory.remember({ ...memory, tunnelId: tunnel.id });
    await this.tunnel.untilItServes(tunnel, memory.marker, signal);
    return tunnel;
  }

  /** For the day on which all of it is to be removed. */
  async rememberDatabase(): Promise<void> {
    const path = join(this.directory.server, 'run', 'postgres.pid.json');
    const text = await readFile(path, 'utf8').catch(() => 'null');
    const record = JSON.parse(text) as { command?: string[] } | null;
    const after = (flag: string) => record?.command?.[record.command.indexOf(flag) + 1];
    const [dataDir, socketDir] = [after('-D'), after('-k')];
    if (!record?.command?.includes('-D') || !dataDir || !socketDir) return;
    const memory = await this.directory.recall();
    await this.directory.remember({ ...memory, database: { dataDir, socketDir } });
  }
}

export const NAMES = { server: SERVER, agent: AGENT, page: PAGE };
