import {
  Check,
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  Unique,
} from 'typeorm';
import { Machine } from '@gopher/machine';
import type { TunnelProtocol } from '../tunnel/tunnel.entity.js';

/** `transport`: something outside of the services differs from what was in force before. */
export const REVISION_CLASSES = ['services', 'transport'] as const;
export type RevisionClass = (typeof REVISION_CLASSES)[number];

export const REVISION_OUTCOMES = [
  'pending',
  'applying',
  'applied',
  'reverted',
  'refused',
  'superseded',
] as const;
/**
 * `pending`: it was made, or fetched by hand, and nobody knows whether it runs. `applying`: it is on
 * its way, or waits to be confirmed. `reverted`: the machine took it back. `refused`: the machine
 * would not have it. `superseded`: a newer one came before this one was known to be in force.
 */
export type RevisionOutcome = (typeof REVISION_OUTCOMES)[number];

/** A tunnel as a revision has it: what is needed to bring it back. */
export interface RevisionTunnel {
  id: string;
  protocol: TunnelProtocol;
  target: string;
  bindAddress: string;
  port: number;
}

/** One configuration of a machine's data client. Only outcome, reason and settledAt ever change. */
@Entity({ name: 'machine_revision' })
@Unique('machine_revision_machine_id_number_key', ['machineId', 'number'])
@Check('machine_revision_class_check', `"class" IN ('services', 'transport')`)
@Check(
  'machine_revision_outcome_check',
  `"outcome" IN ('pending', 'applying', 'applied', 'reverted', 'refused', 'superseded')`,
)
export class MachineRevision {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'machine_revision_pk' })
  id!: string;

  @Column({ name: 'machine_id', type: 'uuid' })
  machineId!: string;

  @ManyToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'machine_revision_machine_id_fk' })
  machine?: Machine;

  @Column({ type: 'integer' })
  number!: number;

  /** Over the UTF-8 bytes of the file, lower-case hex. */
  @Column({ type: 'text' })
  sha256!: string;

  /** null: from before revisions were kept. */
  @Column({ name: 'content_sealed', type: 'text', nullable: true })
  contentSealed!: string | null;

  /** null together with the content. */
  @Column({ type: 'jsonb', nullable: true })
  tunnels!: RevisionTunnel[] | null;

  @Column({ type: 'text' })
  class!: RevisionClass;

  /** Who or what made it. */
  @Column({ type: 'text' })
  cause!: string;

  @Column({ type: 'text' })
  outcome!: RevisionOutcome;

  /** Why the outcome is what it is. */
  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  /** null: more is to be heard of it. */
  @Column({ name: 'settled_at', type: 'timestamptz', nullable: true })
  settledAt!: Date | null;
}
