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
import { Tunnel, type TunnelProtocol } from './tunnel.entity.js';

export const LEASE_PURPOSES = ['tunnel', 'back-channel', 'data-check'] as const;
export type LeasePurpose = (typeof LEASE_PURPOSES)[number];

/** Every port of the edge that is promised to someone. Two can never have the same one. */
@Entity({ name: 'port_lease' })
@Index('port_lease_machine_id_idx', ['machineId'])
@Index('port_lease_tunnel_id_idx', ['tunnelId'])
@Check('port_lease_protocol_check', `"protocol" IN ('tcp', 'udp')`)
@Check('port_lease_purpose_check', `"purpose" IN ('tunnel', 'back-channel', 'data-check')`)
export class PortLease {
  @PrimaryColumn({ name: 'edge_id', type: 'uuid', primaryKeyConstraintName: 'port_lease_pk' })
  edgeId!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'port_lease_pk' })
  protocol!: TunnelProtocol;

  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'port_lease_pk' })
  port!: number;

  @Column({ type: 'text' })
  purpose!: LeasePurpose;

  @Column({ name: 'machine_id', type: 'uuid' })
  machineId!: string;

  @ManyToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'port_lease_machine_id_fk' })
  machine?: Machine;

  @Column({ name: 'tunnel_id', type: 'uuid', nullable: true })
  tunnelId!: string | null;

  @ManyToOne(() => Tunnel, { onDelete: 'CASCADE', nullable: true })
  @JoinColumn({ name: 'tunnel_id', foreignKeyConstraintName: 'port_lease_tunnel_id_fk' })
  tunnel?: Tunnel | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
