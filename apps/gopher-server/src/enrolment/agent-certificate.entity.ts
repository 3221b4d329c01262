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

export const CERTIFICATE_STATES = ['issued', 'active', 'revoked'] as const;
/** `issued`: signed, but no agent has answered with it yet. */
export type CertificateState = (typeof CERTIFICATE_STATES)[number];

export const CERTIFICATE_ORIGINS = ['enrolment', 'renewal'] as const;
export type CertificateOrigin = (typeof CERTIFICATE_ORIGINS)[number];

@Entity({ name: 'agent_certificate' })
@Index('agent_certificate_machine_id_idx', ['machineId'])
@Check('agent_certificate_state_check', `"state" IN ('issued', 'active', 'revoked')`)
@Check('agent_certificate_origin_check', `"origin" IN ('enrolment', 'renewal')`)
export class AgentCertificate {
  /** Over the DER, lower-case hex. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'agent_certificate_pk' })
  sha256!: string;

  @Column({ name: 'machine_id', type: 'uuid' })
  machineId!: string;

  @ManyToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'agent_certificate_machine_id_fk' })
  machine?: Machine;

  @Column({ name: 'public_key_sha256', type: 'text' })
  publicKeySha256!: string;

  @Column({ name: 'not_before', type: 'timestamptz' })
  notBefore!: Date;

  @Column({ name: 'not_after', type: 'timestamptz' })
  notAfter!: Date;

  @Column({ type: 'text', default: 'issued' })
  state!: CertificateState;

  /** What is handed out at an enrolment expires unless it is used; at a renewal an agent may keep it. */
  @Column({ type: 'text', default: 'enrolment' })
  origin!: CertificateOrigin;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
