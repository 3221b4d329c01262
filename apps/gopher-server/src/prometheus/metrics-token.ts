import { Injectable, type OnModuleInit } from '@nestjs/common';
import { matchesSecret, randomSecret, secretSha256 } from '../secret/one-time-secret.js';
import { StateDirectory } from '../state/state-directory.js';

const FILE = 'metrics-token';

/**
 * Opens /metrics and nothing else. Kept in its file alone, made at first start: a scrape must be
 * answered while the database is away, and what it says then matters most.
 */
@Injectable()
export class MetricsToken implements OnModuleInit {
  private sha256 = '';

  constructor(private readonly state: StateDirectory) {}

  get file(): string {
    return this.state.path(FILE);
  }

  async onModuleInit(): Promise<void> {
    const written = (await this.state.read(FILE))?.trim();
    const secret = written || randomSecret();
    if (!written) await this.state.write(FILE, `${secret}\n`);
    this.sha256 = secretSha256(secret);
  }

  accepts(secret: string): boolean {
    return matchesSecret(secret, this.sha256);
  }
}
