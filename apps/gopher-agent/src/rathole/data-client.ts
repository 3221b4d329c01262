import { Logger } from '@nestjs/common';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { watchesDirectory } from '../host/client-process.js';
import type { ClientFileState } from './client-file.js';
import type { ConfigPush, DataConfig } from './data-config.js';
import type { RatholeClients } from './rathole-clients.js';
import type { TargetFinding } from './target-check.js';

/** What the edge may do to the data client. The control client is out of its reach. */
export class DataClient {
  private readonly logger = new Logger(DataClient.name);

  constructor(
    private readonly config: DataConfig,
    private readonly clients: RatholeClients,
    private readonly file: string,
  ) {}

  get configState(): ClientFileState {
    return this.config.state;
  }

  /** @throws ConfigRefusedError, RevisionRefusedError, StorageError */
  async push(push: ConfigPush): Promise<TargetFinding[]> {
    const findings = await this.config.push(push);
    this.logger.log(`The data client runs revision ${push.revision}`);
    await this.restartIfDeaf();
    return findings;
  }

  /** @throws ClientStartError */
  async restart(reason: string): Promise<void> {
    await this.clients.restart('data', reason);
  }

  /** When its directory was removed, rathole watches nothing any more, and would never reload. */
  private async restartIfDeaf(): Promise<void> {
    const pid = this.clients.status('data')?.pid;
    if (!pid) return;
    const { ino } = await stat(dirname(this.file));
    if (watchesDirectory(pid, ino)) return;
    await this.restart('its directory was replaced, so that it does not see changes any more');
  }
}
