import {
  Check,
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  OneToOne,
  PrimaryColumn,
} from 'typeorm';
import { Machine } from '@gopher/machine';

/** How the edge reaches one agent: two rathole services, one on each of the machine's clients. */
@Entity({ name: 'back_channel' })
@Check('back_channel_next_check', `("next_port" IS NULL) = ("next_token_sealed" IS NULL)`)
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

  /** Counts the moves of the control client; part of the name of its rathole service. */
  @Column({ type: 'integer', default: 0 })
  generation!: number;

  /** As `port`, for the control client that is to take the place of the present one; null: none is. */
  @Column({ name: 'next_port', type: 'integer', nullable: true })
  nextPort!: number | null;

  @Column({ name: 'next_token_sealed', type: 'text', nullable: true })
  nextTokenSealed!: string | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
