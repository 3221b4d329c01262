import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { EdgeId } from '@gopher/machine';
import { randomSecret, secretSha256 } from '../secret/one-time-secret.js';
import { StateDirectory } from '../state/state-directory.js';
import { ApiToken } from './api-token.entity.js';

const FILE = 'api-token';

/** Until sign-in exists: one bearer token, made at first start, written where only its owner reads. */
@Injectable()
export class ApiTokens {
  /** Known good ones: a request is not to wait for the database to be recognised. */
  private readonly accepted = new Set<string>();

  constructor(
    @InjectRepository(ApiToken) private readonly tokens: Repository<ApiToken>,
    private readonly state: StateDirectory,
    private readonly edge: EdgeId,
  ) {}

  get file(): string {
    return this.state.path(FILE);
  }

  /** Makes the token when there is none yet, or when its file is gone: a hash cannot be written out. */
  async prepare(): Promise<void> {
    const written = await this.written();
    if (written && (await this.accepts(written))) return;
    const secret = randomSecret();
    const token = this.tokens.create({
      id: uuidv7(),
      edgeId: this.edge.value,
      name: 'first start',
      secretSha256: secretSha256(secret),
    });
    await this.tokens.delete({ edgeId: this.edge.value, name: token.name });
    await this.tokens.insert(token);
    await this.state.write(FILE, `${secret}\n`);
  }

  /** As its file has it; null: that is gone. */
  async written(): Promise<string | null> {
    return (await this.state.read(FILE))?.trim() ?? null;
  }

  async accepts(secret: string): Promise<boolean> {
    const sha256 = secretSha256(secret);
    if (this.accepted.has(sha256)) return true;
    const known = await this.tokens.existsBy({ edgeId: this.edge.value, secretSha256: sha256 });
    if (known) this.accepted.add(sha256);
    return known;
  }
}
