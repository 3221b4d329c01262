import {
  Check,
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
} from 'typeorm';
import { Machine } from '@gopher/machine';

export const TOKEN_PURPOSES = ['join', 'client-config'] as const;
export type TokenPurpose = (typeof TOKEN_PURPOSES)[number];

/** A secret that one machine may use once, within its time. Only its hash is known here. */
@Entity({ name: 'join_token' })
@Index('join_token_machine_id_idx', ['machineId'])
@Check('join_token_purpose_check', `"purpose" IN ('join', 'client-config')`)
export class JoinToken {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'join_token_pk' })
  id!: string;

  @Column({ name: 'machine_id', type: 'uuid' })
  machineId!: string;

  @ManyToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'join_token_machine_id_fk' })
  machine?: Machine;

  @Column({ type: 'text' })
  purpose!: TokenPurpose;

  @Column({ name: 'secret_sha256', type: 'text' })
  secretSha256!: string;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;

  /** SHA-256 of the public key that it is reserved for; null: for none. */
  @Column({ name: 'reserved_key', type: 'text', nullable: true })
  reservedKey!: string | null;

  @Column({ name: 'reserved_at', type: 'timestamptz', nullable: true })
  reservedAt!: Date | null;

  @Column({ name: 'consumed_at', type: 'timestamptz', nullable: true })
  consumedAt!: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
