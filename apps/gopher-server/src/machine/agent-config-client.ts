import type { AgentTarget } from '@gopher/machine';

export interface DataConfig {
  revision: number;
  toml: string;
  /** Over the UTF-8 bytes of `toml`, lower-case hex. */
  sha256: string;
}

export interface TargetFinding {
  /** The rathole service. */
  service: string;
  accepts: boolean;
  detail: string;
}

/** The agent will not have this configuration, and says why; asking again changes nothing. */
export class ConfigRefusedError extends Error {
  override readonly name = 'ConfigRefusedError';
}

/** What the edge needs from an agent beyond its status. */
export abstract class AgentConfigClient {
  /**
   * Replaces the configuration of the data client; resolves with what the agent found of targets.
   * @throws ConfigRefusedError, AgentUnreachableError
   */
  abstract updateRatholeConfig(target: AgentTarget, config: DataConfig): Promise<TargetFinding[]>;

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
