import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectDataSource } from '@nestjs/typeorm';
import { Subject } from 'rxjs';
import type { DataSource, EntityManager } from 'typeorm';
import { MachineNotFoundError } from '@gopher/machine';
import { ServerConfig } from '../config/server.config.js';
import { AgentFollower } from '../machine/agent-follower.js';
import { SecretBox } from '../secret/secret-box.js';
import { Revisions } from '../revision/revisions.js';
import { ConfigPusher } from './config-pusher.js';
import type { WantedControl } from './control-mover.js';
import {
  deriveMachineFiles,
  deriveServerFile,
  type EdgeSettings,
  type MachineFiles,
} from './edge-files.js';
import { EdgeIdentity } from './edge-identity.js';
import { FetchedConfigs } from './fetched-configs.js';
import { type EdgeSnapshot, readEdgeSnapshot } from './edge-snapshot.js';
import { RatholeServer } from './rathole/rathole-server.js';

/** The backstop: what changed without a request, as a file that someone edited, is found by this. */
const PASS_INTERVAL_MS = 15_000;

export interface EnrolledFiles {
  control: string;
  data: { revision: number; toml: string; sha256: string };
}

interface Pass {
  done: Promise<void>;
}

/**
 * The one writer of generated files. Each pass derives everything from one read of the database and
 * applies the difference: edge first, then machines. Requests that arrive during a pass share the
 * next one.
 */
@Injectable()
export class Reconciler {
  /** What the control clients should have, after each pass: of every machine that has an agent. */
  readonly controls = new Subject<readonly WantedControl[]>();

  private readonly logger = new Logger(Reconciler.name);
  private running: Pass | null = null;
  private next: Pass | null = null;

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly identity: EdgeIdentity,
    private readonly config: ServerConfig,
    private readonly box: SecretBox,
    private readonly rathole: RatholeServer,
    private readonly pusher: ConfigPusher,
    private readonly fetched: FetchedConfigs,
    private readonly revisions: Revisions,
    private readonly follower: AgentFollower,
  ) {}

  /** Has a pass begin soon. */
  request(): void {
    this.settled().catch((error: unknown) => {
      this.logger.error(`The configuration could not be brought about: ${String(error)}`);
    });
  }

  /** Resolves when a pass that began after this call has changed the edge; machines follow. */
  settled(): Promise<void> {
    this.next ??= this.plan();
    return this.next.done;
  }

  @Interval(PASS_INTERVAL_MS)
  tick(): void {
    this.request();
  }

  /** What a machine's files should be now. @throws MachineNotFoundError */
  async machineFiles(
    machineId: string,
    manager: EntityManager = this.database.manager,
  ): Promise<MachineFiles> {
    const snapshot = await readEdgeSnapshot(manager, this.identity.value);
    const machine = snapshot.machines.find(({ id }) => id === machineId);
    if (!machine) throw new MachineNotFoundError(machineId);
    return deriveMachineFiles(machine, this.settings());
  }

  /** As `machineFiles`, for an enrolment to hand out. @throws MachineNotFoundError */
  async enrolledFiles(machineId: string): Promise<EnrolledFiles> {
    const { control, data } = await this.machineFiles(machineId);
    const { toml, sha256 } = data;
    const reported = this.pusher.reported(machineId);
    const revision = await this.revisions.enrol(machineId, data, reported);
    return { control: control?.toml ?? '', data: { revision, toml, sha256 } };
  }

  private plan(): Pass {
    const before = this.running?.done ?? Promise.resolve();
    const pass: Pass = { done: Promise.resolve() };
    pass.done = before
      .catch(() => {}) // its own callers heard of it
      .then(async () => {
        this.running = pass;
        this.next = null;
        await this.pass();
      });
    return pass;
  }

  private async pass(): Promise<void> {
    const snapshot = await readEdgeSnapshot(this.database.manager, this.identity.value);
    const settings = this.settings();
    await this.rathole.apply(deriveServerFile(snapshot, settings));
    // What rathole could not take, the machines are not told.
    this.hand(snapshot, this.settings());
  }

  private hand(snapshot: EdgeSnapshot, settings: EdgeSettings): void {
    const derived = snapshot.machines.map((machine) => ({
      ...machine,
      ...deriveMachineFiles(machine, settings),
    }));
    const withAgent = derived.filter(({ agent }) => agent !== null);
    this.fetched.want(
      derived
        .filter(({ agent }) => agent === null)
        .map(({ id, data }) => ({ machineId: id, ...data })),
    );
    this.pusher.want(
      withAgent.map(({ id, agent, data }) => ({
        target: { id, agentAddr: agent!.agentAddr },
        checkPort: agent!.checkPort,
        ...data,
      })),
    );
    this.controls.next(
      withAgent.map(({ id, agent, control, nextControl }) => ({
        target: { id, agentAddr: agent!.agentAddr },
        present: control!,
        next: nextControl,
      })),
    );
    this.follower.follow(
      withAgent.map(({ id, agent }) => ({
        target: { id, agentAddr: agent!.agentAddr },
        checkPort: agent!.checkPort,
      })),
    );
  }

  private settings(): EdgeSettings {
    const { ratholeBind, ratholePublic } = this.config;
    const { bindAddr } = this.rathole;
    return {
      ratholeBind,
      ratholePublic: ratholePublic === ratholeBind ? (bindAddr ?? ratholeBind) : ratholePublic,
      noisePublicKey: this.identity.noisePublicKey,
      noisePrivateKey: this.identity.noisePrivateKey,
      open: (sealed) => this.box.open(sealed),
    };
  }
}
