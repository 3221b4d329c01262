import { Logger } from '@nestjs/common';
import type { AgentConfig } from '../config/agent.config.js';

/** Where rathole is on this machine, and which release. Looked for again until it is found. */
export class RatholeBinary {
  private readonly logger = new Logger(RatholeBinary.name);
  private located: { path: string; version: string } | null = null;

  constructor(private readonly config: AgentConfig) {}

  /** Empty until it was found. */
  get version(): string {
    return this.located?.version ?? '';
  }

  /** Of a client that was found running: it may be older than the one that would be started now. */
  async versionOf(pid: number): Promise<string> {
    const { runningRatholeVersion } = await import('@gopher/engines');
    return (await runningRatholeVersion(pid)) ?? '';
  }

  /** @throws EngineMissingError that says what was tried and what to do */
  async find(): Promise<string> {
    if (this.located) return this.located.path;
    const { engineCacheDir, locateRathole } = await import('@gopher/engines');
    const { rathole, environment } = this.config;
    const found = await locateRathole({
      ...(rathole === null ? {} : { explicitPath: rathole }),
      cacheDir: engineCacheDir(environment),
      searchPath: environment['PATH'] ?? '',
    });
    for (const warning of found.warnings) this.logger.warn(warning);
    this.located = found;
    return found.path;
  }
}
