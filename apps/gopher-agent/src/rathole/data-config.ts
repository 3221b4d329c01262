import type { RatholeClientConfig } from '@gopher/rathole';
import { configSha256 } from '@gopher/rathole';
import { ConfigRefusedError, RevisionRefusedError } from '../agent.errors.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import type { ClientFile, ClientFileState } from './client-file.js';
import { isCheckService, parseDataConfig } from './config-guard.js';
import { changedServices, checkTargets, type TargetFinding } from './target-check.js';

export interface ConfigPush {
  revision: bigint;
  toml: string;
  sha256: string;
}

/** The configuration of the data client: takes what the edge pushes, one push at a time. */
export class DataConfig {
  private parsed: { toml: string; config: RatholeClientConfig } | null = null;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly file: ClientFile,
    private readonly record: EnrolmentRecord,
  ) {}

  get state(): ClientFileState {
    return this.file.state;
  }

  /** What the data client is meant to run; null when that can not be understood any more. */
  get config(): RatholeClientConfig | null {
    const { toml } = this.file.state.config;
    if (this.parsed?.toml !== toml) {
      try {
        this.parsed = { toml, config: parseDataConfig(toml, this.record) };
      } catch {
        return null;
      }
    }
    return this.parsed.config;
  }

  /** Names of the services that are tunnels. */
  get tunnelNames(): string[] {
    const names = this.config?.services.map(({ name }) => name) ?? [];
    return names.filter((name) => !isCheckService(name));
  }

  onChange(listener: () => void): () => void {
    return this.file.onChange(listener);
  }

  /**
   * Resolves when the configuration is in place and the targets it brought were looked at.
   * @throws ConfigRefusedError, RevisionRefusedError, StorageError (nothing was changed)
   */
  async push(push: ConfigPush): Promise<TargetFinding[]> {
    const turn = this.queue.then(() => this.take(push));
    this.queue = turn.catch(() => {});
    return checkTargets(await turn);
  }

  private async take({ revision, toml, sha256 }: ConfigPush) {
    if (configSha256(toml) !== sha256) {
      throw new ConfigRefusedError('sha256 is not that of toml: the push arrived damaged');
    }
    const next = parseDataConfig(toml, this.record);
    const { config } = this.file.state;
    if (isRepetition(BigInt(config.revision), config.sha256, revision, sha256)) {
      await this.file.check();
      return [];
    }
    const before = this.config?.services ?? [];
    const enrolment = this.record.id;
    await this.file.replace({ enrolment, revision: String(revision), sha256, toml });
    this.parsed = { toml, config: next };
    return changedServices(before, next.services);
  }
}

/** @throws RevisionRefusedError when it is older, or another one under the same number. */
function isRepetition(taken: bigint, takenSha256: string, revision: bigint, sha256: string) {
  if (revision > taken) return false;
  if (revision === taken && sha256 === takenSha256) return true;
  const why = revision === taken ? 'was taken with another content' : `is older than ${taken}`;
  throw new RevisionRefusedError(`Revision ${revision} ${why}; nothing was changed`);
}
