import type { AgentTarget, AppliedConfigReport } from '@gopher/machine';

export interface DataConfig {
  revision: number;
  toml: string;
  /** Over the UTF-8 bytes of `toml`, lower-case hex. */
  sha256: string;
  /** The agent goes back by itself unless it is confirmed in time; 0: it does not. */
  confirmWithinSeconds: number;
}

export interface TargetFinding {
  /** The rathole service. */
  service: string;
  accepts: boolean;
  detail: string;
}

export interface TakenConfig {
  state: AppliedConfigReport['state'];
  targets: TargetFinding[];
}

/** The agent will not have this configuration, and says why; asking again changes nothing. */
export class ConfigRefusedError extends Error {
  override readonly name = 'ConfigRefusedError';
}

/** The data client did not take this configuration, and the one before is back. */
export class ConfigNotTakenError extends Error {
  override readonly name = 'ConfigNotTakenError';
}

/** The agent has gone on to something else than what the call is about. */
export class ConfigOutdatedError extends Error {
  override readonly name = 'ConfigOutdatedError';
}

/** The agent is older than confirmations. */
export class ConfirmationUnknownError extends Error {
  override readonly name = 'ConfirmationUnknownError';
}

/** What the edge needs from an agent beyond its status. */
export abstract class AgentConfigClient {
  /**
   * Replaces the configuration of the data client; resolves once that has taken it.
   * @throws ConfigRefusedError, ConfigNotTakenError, ConfigOutdatedError, ConfirmationUnknownError,
   *   AgentUnreachableError
   */
  abstract updateRatholeConfig(target: AgentTarget, config: DataConfig): Promise<TakenConfig>;

  /**
   * It serves: the agent stays with it.
   * @throws ConfigOutdatedError when it was taken back, AgentUnreachableError
   */
  abstract confirmRatholeConfig(
    target: AgentTarget,
    config: Pick<DataConfig, 'revision' | 'sha256'>,
  ): Promise<void>;

  /**
   * Sends every report of the agent to `onReport` until `signal` aborts, or the stream breaks, which
   * resolves with the reason.
   */
  abstract watch(
    target: AgentTarget,
    onReport: (report: import('@gopher/machine').AgentReport) => void,
    signal: AbortSignal,
  ): Promise<string>;
}
