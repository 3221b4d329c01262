import { Column, CreateDateColumn, Entity, JoinColumn, OneToOne, PrimaryColumn } from 'typeorm';
import { Machine } from '@gopher/machine';

/** How the edge reaches one agent: two rathole services, one on each of the machine's clients. */
@Entity({ name: 'back_channel' })
export class BackChannel {
  @PrimaryColumn({
    name: 'machine_id',
    type: 'uuid',
    primaryKeyConstraintName: 'back_channel_pk',
  })
  machineId!: string;

  @OneToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'back_channel_machine_id_fk' })
  machine?: Machine;

  /** On the edge's loopback; leads through the control client to the agent. */
  @Column({ type: 'integer' })
  port!: number;

  /** On the edge's loopback; leads through the data client to the agent's echo. */
  @Column({ name: 'check_port', type: 'integer' })
  checkPort!: number;

  /** Where the agent answers on its machine's loopback. */
  @Column({ name: 'agent_port', type: 'integer' })
  agentPort!: number;

  /** Where the agent echoes on its machine's loopback. */
  @Column({ name: 'agent_check_port', type: 'integer' })
  agentCheckPort!: number;

  @Column({ name: 'token_sealed', type: 'text' })
  tokenSealed!: string;

  @Column({ name: 'check_token_sealed', type: 'text' })
  checkTokenSealed!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
