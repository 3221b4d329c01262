import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Subject, type Subscription } from 'rxjs';
import { Repository } from 'typeorm';
import {
  type AgentReport,
  type AgentTarget,
  AgentUnreachableError,
  MachineEvents,
} from '@gopher/machine';
import {
  AgentConfigClient,
  ConfigRefusedError,
  type TargetFinding,
} from '../machine/agent-config-client.js';
import { MachineConfig } from './machine-config.entity.js';

export interface WantedConfig {
  target: AgentTarget;
  toml: string;
  sha256: string;
}

interface Desk {
  wanted: WantedConfig;
  /** What the agent said last that it runs; null: not known. */
  applied: { revision: number; sha256: string } | null;
  /** The content that the agent will not have: it is not asked again until something changes. */
  refused: string | null;
  pushing: boolean;
}

/**
 * Brings each agent's data client to the configuration that is wanted. Level-triggered: what the
 * agent reports is compared with what is wanted, so a lost push is repeated when it answers again.
 */
@Injectable()
export class ConfigPusher implements OnApplicationBootstrap, OnApplicationShutdown {
  /** A machine took its configuration; what it found of its targets. */
  readonly applied = new Subject<{ machineId: string; targets: TargetFinding[] }>();

  private readonly logger = new Logger(ConfigPusher.name);
  private readonly desks = new Map<string, Desk>();
  private subscription: Subscription | undefined;

  constructor(
    @InjectRepository(MachineConfig) private readonly configs: Repository<MachineConfig>,
    private readonly agents: AgentConfigClient,
    private readonly events: MachineEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.subscription = this.events.report.subscribe(({ target, report }) => {
      this.heard(target.id, report);
    });
  }

  onApplicationShutdown(): void {
    this.subscription?.unsubscribe();
    this.desks.clear();
  }

  /** The wanted configuration of every machine that has an agent. */
  want(all: readonly WantedConfig[]): void {
    const ids = new Set(all.map(({ target }) => target.id));
    for (const id of this.desks.keys()) if (!ids.has(id)) this.desks.delete(id);
    for (const wanted of all) {
      const desk = this.desks.get(wanted.target.id);
      if (desk) desk.wanted = wanted;
      else {
        const fresh: Desk = { wanted, applied: null, refused: null, pushing: false };
        this.desks.set(wanted.target.id, fresh);
      }
      this.kick(wanted.target.id);
    }
  }

  /** The number of a content: the known one when it is the same, one more otherwise. */
  async revisionFor(machineId: string, sha256: string): Promise<number> {
    const known = await this.configs.findOneBy({ machineId });
    const reported = this.desks.get(machineId)?.applied;
    if (known?.sha256 === sha256 && known.revision >= (reported?.revision ?? 0)) {
      return known.revision;
    }
    const revision = Math.max(known?.revision ?? 0, reported?.revision ?? 0) + 1;
    await this.remember(machineId, { revision, sha256, outcome: 'pending', reason: null });
    return revision;
  }

  private heard(machineId: string, { config }: AgentReport): void {
    const desk = this.desks.get(machineId);
    if (!desk || !config) return;
    desk.applied = { revision: config.revision, sha256: config.sha256 };
    this.kick(machineId);
  }

  private kick(machineId: string): void {
    const desk = this.desks.get(machineId);
    if (!desk || desk.pushing || desk.applied === null || isSettled(desk)) return;
    desk.pushing = true;
    this.push(desk)
      .catch((error: unknown) => this.failed(desk, error))
      .then((succeeded) => {
        desk.pushing = false;
        // What was wanted meanwhile goes out now; after a failure the next report asks again.
        if (succeeded) this.kick(machineId);
      })
      .catch((error: unknown) => this.logger.error(error));
  }

  private async push({ wanted, ...desk }: Desk): Promise<boolean> {
    const { target, toml, sha256 } = wanted;
    const revision = await this.revisionFor(target.id, sha256);
    const targets = await this.agents.updateRatholeConfig(target, { revision, toml, sha256 });
    const current = this.desks.get(target.id);
    if (current) current.applied = { revision, sha256 };
    await this.remember(target.id, { revision, sha256, outcome: 'applied', reason: null });
    this.applied.next({ machineId: target.id, targets });
    return desk.pushing;
  }

  private async failed(desk: Desk, error: unknown): Promise<boolean> {
    const { target, sha256 } = desk.wanted;
    if (error instanceof AgentUnreachableError) {
      desk.applied = null; // pushed again once the agent has said what it runs
      return false;
    }
    if (error instanceof ConfigRefusedError) {
      desk.refused = sha256;
      await this.configs.update(
        { machineId: target.id },
        { outcome: 'refused', reason: error.message },
      );
    }
    this.logger.error(`Machine ${target.id} did not take its configuration: ${String(error)}`);
    return false;
  }

  private async remember(
    machineId: string,
    row: Pick<MachineConfig, 'revision' | 'sha256' | 'outcome' | 'reason'>,
  ): Promise<void> {
    await this.configs.upsert({ machineId, ...row, changedAt: new Date() }, ['machineId']);
  }
}

const isSettled = ({ applied, refused, wanted }: Desk): boolean =>
  applied?.sha256 === wanted.sha256 || refused === wanted.sha256;
