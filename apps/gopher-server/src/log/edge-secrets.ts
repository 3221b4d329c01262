import { Injectable } from '@nestjs/common';
import { configSecrets } from '@gopher/rathole';
import { ApiTokens } from '../api-token/api-tokens.js';
import { ServerConfig } from '../config/server.config.js';
import { EdgeIdentity } from '../edge/edge-identity.js';
import { StateDirectory } from '../state/state-directory.js';

/** What stands in the files and settings of this edge and must not be told. */
@Injectable()
export class EdgeSecrets {
  constructor(
    private readonly config: ServerConfig,
    private readonly identity: EdgeIdentity,
    private readonly state: StateDirectory,
    private readonly tokens: ApiTokens,
  ) {}

  async all(): Promise<string[]> {
    const [toml, goodToml, ...words] = await Promise.all(
      ['rathole/server.toml', 'rathole/server.toml.good', 'secret.key', 'metrics-token'].map(
        (file) => this.state.read(file),
      ),
    );
    const { noisePrivateKey, noisePublicKey } = this.identity;
    const { databaseUrl } = this.config;
    const password = databaseUrl ? decodeURIComponent(new URL(databaseUrl).password) : '';
    const keys = words.map((word) => word?.trim());
    const others = [noisePrivateKey, noisePublicKey, ...keys, await this.tokens.written()];
    const services = [toml, goodToml].flatMap((text) => configSecrets(text ?? ''));
    return [...services, ...others.map((secret) => secret ?? ''), password];
  }
}
