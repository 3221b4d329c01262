import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { DomainError, EdgeId, violates } from '@gopher/machine';
import { IdempotencyKey } from './idempotency-key.entity.js';

const MAX_KEY_LENGTH = 200;
const FORM = new RegExp(`^[\\x20-\\x7e]{1,${MAX_KEY_LENGTH}}$`);

export class IdempotencyKeyReusedError extends DomainError {
  readonly code = 'idempotency-key-reused';
  readonly kind = 'conflict';
  constructor(key: string) {
    super(`The Idempotency-Key "${key}" was used for another request; choose a new one`);
  }
}

export class IdempotencyKeyInvalidError extends DomainError {
  readonly code = 'idempotency-key-invalid';
  readonly kind = 'invalid';
  constructor() {
    super(`Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} printable ASCII characters`);
  }
}

/** Also where a call makes no use of it. @throws IdempotencyKeyInvalidError */
export function checkedIdempotencyKey(key: string | undefined): string | undefined {
  if (key !== undefined && !FORM.test(key)) throw new IdempotencyKeyInvalidError();
  return key;
}

export class RemovedSinceError extends DomainError {
  readonly code = 'removed-since';
  readonly kind = 'conflict';
  constructor() {
    super(
      'What this request made was removed since; to make another, choose a new Idempotency-Key',
    );
  }
}

/** Of what a create made, now or before. @throws RemovedSinceError for what is not found */
export async function readMade<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof DomainError && error.kind === 'not-found') throw new RemovedSinceError();
    throw error;
  }
}

export interface Made<T> {
  id: string;
  /** null: an earlier call made it. */
  made: T | null;
}

export interface Create {
  /** The header; undefined: every call creates. */
  key: string | undefined;
  operation: string;
  body: unknown;
}

/**
 * The key is written in the transaction that creates: of two at once the second waits for the first
 * in the database, and a crash between creating and remembering cannot be.
 */
@Injectable()
export class Idempotency {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly edge: EdgeId,
  ) {}

  /** Creates once; resolves with what was created, now or by the first call. */
  async create<T extends { id: string }>(
    request: Create,
    work: (tx: EntityManager) => Promise<T>,
  ): Promise<Made<T>> {
    const { key } = request;
    if (key === undefined) {
      const made = await this.database.transaction(work);
      return { id: made.id, made };
    }
    const known = await this.find(key, request);
    if (known) return known;
    try {
      return await this.database.transaction(async (tx) => {
        await this.claim(tx, key, request);
        const made = await work(tx);
        const { id } = made;
        await tx.update(IdempotencyKey, { edgeId: this.edge.value, key }, { resourceId: id });
        return { id, made };
      });
    } catch (error) {
      const first = violates(error, 'idempotency_key_pk') ? await this.find(key, request) : null;
      if (first) return first;
      throw error;
    }
  }

  private async claim(tx: EntityManager, key: string, request: Create): Promise<void> {
    await tx.insert(IdempotencyKey, {
      edgeId: this.edge.value,
      key,
      requestSha256: requestSha256(request),
      resourceId: '00000000-0000-0000-0000-000000000000',
    });
  }

  private async find(key: string, request: Create) {
    const known = await this.database.manager.findOneBy(IdempotencyKey, {
      edgeId: this.edge.value,
      key,
    });
    if (!known) return null;
    if (known.requestSha256 !== requestSha256(request)) throw new IdempotencyKeyReusedError(key);
    return { id: known.resourceId, made: null };
  }
}

function requestSha256({ operation, body }: Create): string {
  return createHash('sha256')
    .update(`${operation}\n${JSON.stringify(body)}`)
    .digest('hex');
}
