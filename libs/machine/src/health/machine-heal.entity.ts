import { Column, Entity, JoinColumn, OneToOne, PrimaryColumn } from 'typeorm';
import { Machine } from '../machine.entity.js';

/** What self-healing did to a machine; kept here, so that a restart of the server forgets nothing. */
@Entity({ name: 'machine_heal' })
export class MachineHeal {
  @PrimaryColumn({
    name: 'machine_id',
    type: 'uuid',
    primaryKeyConstraintName: 'machine_heal_pk',
  })
  machineId!: string;

  @OneToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'machine_heal_machine_id_fk' })
  machine?: Machine;

  /** Restarts since the data client last served for long enough. */
  @Column({ type: 'integer' })
  attempts!: number;

  @Column({ name: 'attempted_at', type: 'timestamptz' })
  attemptedAt!: Date;

  @Column({ type: 'text' })
  reason!: string;
}
