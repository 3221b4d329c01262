import type { RatholeClientConfig, RatholeClientService } from '@gopher/rathole';
import { configSha256 } from '@gopher/rathole';
import {
  ConfigRefusedError,
  NothingPendingError,
  PolicyRefusedError,
  RevisionRefusedError,
} from '../agent.errors.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import type { TargetPolicy } from '../policy/target-policy.js';
import type { ClientFile, ClientFileState } from './client-file.js';
import { isCheckService, isOwnCheck, parseDataConfig } from './config-guard.js';
import {
  committed,
  confirmed,
  inForce,
  type KeptConfig,
  type RevertCause,
  takenBack,
  tryingOut,
} from './kept-config.js';
import { changedServices } from './target-check.js';

export interface ConfigPush {
  revision: bigint;
  toml: string;
  sha256: string;
  /** 0: it is good at once. */
  confirmWithinSeconds: number;
}

export interface ConfigChange {
  /** null when it can not be understood any more. */
  before: RatholeClientConfig | null;
  after: RatholeClientConfig;
  /** Services that are new or lead elsewhere than before. */
  targets: RatholeClientService[];
}

export interface PolicyRefusal {
  /** Of what was pushed. */
  sha256: string;
  why: string;
}

/** The configuration of the data client, as the edge pushes, confirms and loses it. One call at a time. */
export class DataConfig {
  private parsed: { toml: string; config: RatholeClientConfig } | null = null;
  private refused: PolicyRefusal | null = null;

  constructor(
    private readonly file: ClientFile,
    private readonly record: EnrolmentRecord,
    private readonly policy: TargetPolicy,
  ) {}

  get state(): ClientFileState {
    return this.file.state;
  }

  /** What the data client is meant to run; null when that can not be understood any more. */
  get config(): RatholeClientConfig | null {
    const { toml } = inForce(this.kept);
    if (this.parsed?.toml !== toml) {
      try {
        this.parsed = { toml, config: parseDataConfig(toml, this.record) };
      } catch {
        return null;
      }
    }
    return this.parsed.config;
  }

  get tunnels(): RatholeClientService[] {
    return this.config?.services.filter(({ name }) => !isCheckService(name)) ?? [];
  }

  /** The push that the policy kept out last; null: none, or another was taken since. */
  get policyRefusal(): PolicyRefusal | null {
    return this.refused;
  }

  /** Names of the services that are tunnels. */
  get tunnelNames(): string[] {
    return this.tunnels.map(({ name }) => name);
  }

  onChange(listener: () => void): () => void {
    return this.file.onChange(listener);
  }

  /**
   * Resolves when the configuration is in place, with what it changed; null: it was there already.
   * @throws ConfigRefusedError, RevisionRefusedError, StorageError (nothing was changed)
   */
  async take(push: ConfigPush): Promise<ConfigChange | null> {
    const { toml, sha256 } = push;
    if (configSha256(toml) !== sha256) {
      throw new ConfigRefusedError('sha256 is not that of toml: the push arrived damaged');
    }
    const after = parseDataConfig(toml, this.record);
    if (isRepetition(this.kept, push)) {
      await this.file.check();
      return null;
    }
    const before = this.config;
    const targets = changedServices(before?.services ?? [], after.services);
    await this.checkPolicy(targets, sha256);
    const pushed = { revision: String(push.revision), toml, sha256 };
    const adopt = push.confirmWithinSeconds === 0 ? committed : tryingOut;
    await this.file.replace(adopt(this.kept, pushed));
    this.refused = null;
    return { before, after, targets };
  }

  /** What is on trial becomes the good one. @throws NothingPendingError, StorageError */
  async confirm(revision: bigint, sha256: string): Promise<void> {
    const { kept } = this;
    const { trial } = kept;
    if (trial && isSame(trial, revision, sha256)) return this.file.keep(confirmed(kept));
    if (isSame(kept, revision, sha256)) return;
    throw new NothingPendingError(whyNot(kept, revision, sha256));
  }

  /** @throws StorageError when what is on trial is still in force */
  async takeBack(cause: RevertCause, reason: string): Promise<void> {
    await this.file.putBack(takenBack(this.kept, cause, reason));
  }

  /** @throws PolicyRefusedError */
  private async checkPolicy(targets: readonly RatholeClientService[], sha256: string) {
    try {
      await this.policy.check(targets.filter((service) => !isOwnCheck(service, this.record)));
    } catch (error) {
      if (error instanceof PolicyRefusedError) this.refused = { sha256, why: error.message };
      throw error;
    }
  }

  private get kept(): KeptConfig {
    return this.file.state.config;
  }
}

interface Numbered {
  revision: string;
  sha256: string;
}

const isSame = (config: Numbered, revision: bigint, sha256: string): boolean =>
  BigInt(config.revision) === revision && config.sha256 === sha256;

/** @throws RevisionRefusedError when it is no higher than what was taken, and not what is in force. */
function isRepetition(kept: KeptConfig, { revision, sha256 }: ConfigPush): boolean {
  if (revision > BigInt(kept.highest)) return false;
  const current = inForce(kept);
  if (isSame(current, revision, sha256)) return true;
  throw new RevisionRefusedError(
    `Revision ${revision} ${whyRefused(kept, revision)}; nothing was changed. Push one above ${kept.highest}`,
  );
}

function whyRefused(kept: KeptConfig, revision: bigint): string {
  const { reverted } = kept;
  if (BigInt(inForce(kept).revision) === revision) return 'was taken with another content';
  if (reverted && BigInt(reverted.revision) === revision) return wasTakenBack(reverted.reason);
  return `is not higher than ${kept.highest}, which was taken already`;
}

/** Why that one can not be confirmed. */
function whyNot(kept: KeptConfig, revision: bigint, sha256: string): string {
  const { reverted } = kept;
  const current = inForce(kept).revision;
  if (reverted && isSame(reverted, revision, sha256)) {
    return `Revision ${revision} ${wasTakenBack(reverted.reason)}; revision ${current} is in force`;
  }
  return `Revision ${revision} with SHA-256 ${sha256} is not what this agent runs: revision ${current} is in force`;
}

const wasTakenBack = (reason: string) => `was taken back: ${reason}`;
