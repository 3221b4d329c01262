import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { EdgeId, Machine } from '@gopher/machine';
import { matchesSecret, randomSecret, secretSha256 } from '../secret/one-time-secret.js';
import { TokenRefusedError } from './enrolment.errors.js';
import { JoinToken, type TokenPurpose } from './join-token.entity.js';

const LIFE_MS = { join: 3_600_000, 'client-config': 900_000 } as const;
/** A run that died half-way can be run again with the same key; after this, with any. */
export const RESERVATION_MS = 600_000;

const FORM = /^([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})$/;

interface TokenUse {
  purpose: TokenPurpose;
  machineId: string;
}

/** Tokens that let a machine in once. */
@Injectable()
export class JoinTokens {
  constructor(private readonly edge: EdgeId) {}

  async make(
    tx: EntityManager,
    machineId: string,
    purpose: TokenPurpose,
  ): Promise<{ token: string; expiresAt: Date }> {
    const id = uuidv7();
    const secret = randomSecret();
    const expiresAt = new Date(Date.now() + LIFE_MS[purpose]);
    const secretHash = secretSha256(secret);
    await tx.insert(JoinToken, { id, machineId, purpose, secretSha256: secretHash, expiresAt });
    return { token: `${id}.${secret}`, expiresAt };
  }

  /**
   * Reserves a join token for one public key, as often as that key asks.
   * Resolves with the machine it is for, and the key that lost it. @throws TokenRefusedError
   */
  async reserve(
    tx: EntityManager,
    token: string,
    publicKeySha256: string,
  ): Promise<{ machineId: string; takenFrom: string | null }> {
    const found = await this.find(tx, token, 'join');
    const reservedUntil = (found.reservedAt?.getTime() ?? 0) + RESERVATION_MS;
    const byAnother = found.reservedKey !== null && found.reservedKey !== publicKeySha256;
    if (byAnother && reservedUntil > Date.now()) throw TokenRefusedError.reserved();
    await tx.update(
      JoinToken,
      { id: found.id },
      { reservedKey: publicKeySha256, reservedAt: new Date() },
    );
    return { machineId: found.machineId, takenFrom: byAnother ? found.reservedKey : null };
  }

  /** No enrolment of this machine begins or goes on until the transaction ends. */
  async lockAll(tx: EntityManager, machineId: string): Promise<void> {
    await tx.query(`SELECT FROM "join_token" WHERE "machine_id" = $1 ORDER BY "id" FOR UPDATE`, [
      machineId,
    ]);
  }

  /** The key it was reserved for has proven itself: no other run may have it. */
  async consumeReserved(tx: EntityManager, machineId: string, publicKeySha256: string) {
    await tx.update(
      JoinToken,
      { machineId, reservedKey: publicKeySha256, purpose: 'join' },
      { consumedAt: new Date() },
    );
  }

  /** Uses a token up at once. @throws TokenRefusedError */
  async consume(tx: EntityManager, token: string, use: TokenUse): Promise<void> {
    const id = await this.check(tx, token, use);
    await tx.update(JoinToken, { id }, { consumedAt: new Date() });
  }

  /** Resolves with the token's id, and leaves it as it is. @throws TokenRefusedError */
  async check(tx: EntityManager, token: string, use: TokenUse): Promise<string> {
    const found = await this.find(tx, token, use.purpose);
    if (found.machineId !== use.machineId) throw TokenRefusedError.unknown();
    return found.id;
  }

  /** The row stays locked until the transaction ends: of two at once the second sees the first's. */
  private async find(tx: EntityManager, token: string, purpose: TokenPurpose): Promise<JoinToken> {
    const [, id, secret] = FORM.exec(token) ?? [];
    if (id === undefined || secret === undefined) throw TokenRefusedError.unknown();
    const found = await tx
      .createQueryBuilder(JoinToken, 't')
      .setLock('pessimistic_write', undefined, ['t'])
      .innerJoin(Machine, 'm', 'm.id = t.machine_id AND m.edge_id = :edge', {
        edge: this.edge.value,
      })
      .where('t.id::text = :id AND t.purpose = :purpose', { id, purpose })
      .getOne();
    if (!found || !matchesSecret(secret, found.secretSha256)) throw TokenRefusedError.unknown();
    if (found.consumedAt) throw TokenRefusedError.used();
    if (found.expiresAt <= new Date()) throw TokenRefusedError.expired();
    return found;
  }
}
