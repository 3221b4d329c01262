import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';

/** What a create with an `Idempotency-Key` made; written in the transaction that made it. */
@Entity({ name: 'idempotency_key' })
@Index('idempotency_key_created_at_idx', ['createdAt'])
export class IdempotencyKey {
  @PrimaryColumn({ name: 'edge_id', type: 'uuid', primaryKeyConstraintName: 'idempotency_key_pk' })
  edgeId!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'idempotency_key_pk' })
  key!: string;

  /** Over the operation and the body: the same key with another request is a mistake. */
  @Column({ name: 'request_sha256', type: 'text' })
  requestSha256!: string;

  @Column({ name: 'resource_id', type: 'uuid' })
  resourceId!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
