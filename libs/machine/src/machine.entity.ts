import { Check, Column, CreateDateColumn, Entity, PrimaryColumn, Unique } from 'typeorm';
import type { AgentReport } from './agent/agent-report.js';
import type { AgentStatus } from './agent/agent-status.js';

@Entity({ name: 'machine' })
@Unique('machine_edge_id_name_key', ['edgeId', 'name'])
@Check('machine_agent_status_check', `"agent_status" IN ('unknown', 'up', 'down')`)
@Check('machine_agent_check', `("agent_addr" IS NULL) = ("agent_status" IS NULL)`)
export class Machine {
  /** UUIDv7: the order of ids is the order of creation, which paging relies on. */
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'machine_pk' })
  id!: string;

  @Column({ name: 'edge_id', type: 'uuid' })
  edgeId!: string;

  @Column({ type: 'text' })
  name!: string;

  /** Counts the changes that a person made; the ETag. */
  @Column({ type: 'integer', default: 1 })
  version!: number;

  /**
   * host:port where the edge reaches the agent; null: no agent. Written by enrolment, and besides it
   * only by a confirmed move of the control client.
   */
  @Column({ name: 'agent_addr', type: 'text', nullable: true })
  agentAddr!: string | null;

  /** Written by the status recorder alone; null exactly when there is no agent. */
  @Column({ name: 'agent_status', type: 'text', nullable: true })
  agentStatus!: AgentStatus | null;

  /** The edge's clock at the newest observation that the recorder took. */
  @Column({ name: 'agent_observed_at', type: 'timestamptz', nullable: true })
  agentObservedAt!: Date | null;

  /** Observations of silence since the last answer. */
  @Column({ name: 'agent_misses', type: 'integer', default: 0 })
  agentMisses!: number;

  /** What the agent said when it last answered. */
  @Column({ name: 'agent_report', type: 'jsonb', nullable: true })
  agentReport!: AgentReport | null;

  /** The edge's clock when the agent last answered. */
  @Column({ name: 'agent_reported_at', type: 'timestamptz', nullable: true })
  agentReportedAt!: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
