import { Check, Column, Entity, JoinColumn, OneToOne, PrimaryColumn } from 'typeorm';
import { Machine } from '@gopher/machine';

export const PUSH_OUTCOMES = ['pending', 'applied', 'refused'] as const;
export type PushOutcome = (typeof PUSH_OUTCOMES)[number];

/** The configuration of a machine's data client as it was pushed or fetched last. */
@Entity({ name: 'machine_config' })
@Check('machine_config_outcome_check', `"outcome" IN ('pending', 'applied', 'refused')`)
export class MachineConfig {
  @PrimaryColumn({
    name: 'machine_id',
    type: 'uuid',
    primaryKeyConstraintName: 'machine_config_pk',
  })
  machineId!: string;

  @OneToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'machine_config_machine_id_fk' })
  machine?: Machine;

  @Column({ type: 'integer' })
  revision!: number;

  /** Over the UTF-8 bytes of the file, lower-case hex. */
  @Column({ type: 'text' })
  sha256!: string;

  @Column({ type: 'text' })
  outcome!: PushOutcome;

  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ name: 'changed_at', type: 'timestamptz' })
  changedAt!: Date;
}
