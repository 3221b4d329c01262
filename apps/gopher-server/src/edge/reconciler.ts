import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { MachineNotFoundError } from '@gopher/machine';
import { ServerConfig } from '../config/server.config.js';
import { AgentFollower } from '../machine/agent-follower.js';
import { SecretBox } from '../secret/secret-box.js';
import { ConfigPusher } from './config-pusher.js';
import {
  deriveMachineFiles,
  deriveServerFile,
  type EdgeSettings,
  type MachineFiles,
} from './edge-files.js';
import { EdgeIdentity } from './edge-identity.js';
import { type EdgeSnapshot, readEdgeSnapshot } from './edge-snapshot.js';
import { RatholeServer } from './rathole/rathole-server.js';

/** The backstop: what changed without a request, as a file that someone edited, is found by this. */
const PASS_INTERVAL_MS = 15_000;

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
  async machineFiles(machineId: string): Promise<MachineFiles & { data: { revision: number } }> {
    const snapshot = await readEdgeSnapshot(this.database, this.identity.value);
    const machine = snapshot.machines.find(({ id }) => id === machineId);
    if (!machine) throw new MachineNotFoundError(machineId);
    const files = deriveMachineFiles(machine, this.settings());
    const revision = await this.pusher.revisionFor(machineId, files.data.sha256);
    return { ...files, data: { ...files.data, revision } };
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
    const snapshot = await readEdgeSnapshot(this.database, this.identity.value);
    const settings = this.settings();
    await this.rathole.apply(deriveServerFile(snapshot, settings));
    this.hand(snapshot, settings);
  }

  private hand(snapshot: EdgeSnapshot, settings: EdgeSettings): void {
    const withAgent = snapshot.machines.filter(({ agent }) => agent !== null);
    this.pusher.want(
      withAgent.map((machine) => ({
        target: { id: machine.id, agentAddr: machine.agent!.agentAddr },
        ...deriveMachineFiles(machine, settings).data,
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
    return {
      ratholeBind: this.config.ratholeBind,
      ratholePublic: this.config.ratholePublic,
      noisePublicKey: this.identity.noisePublicKey,
      noisePrivateKey: this.identity.noisePrivateKey,
      open: (sealed) => this.box.open(sealed),
    };
  }
}
