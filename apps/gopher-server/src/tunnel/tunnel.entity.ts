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
import type { Application } from '@gopher/diagnosis';
import { Machine } from '@gopher/machine';

export const TUNNEL_PROTOCOLS = ['tcp', 'udp'] as const;
export type TunnelProtocol = (typeof TUNNEL_PROTOCOLS)[number];

export const TUNNEL_STATES = ['pending', 'active', 'failed'] as const;
export type TunnelState = (typeof TUNNEL_STATES)[number];

export const LEGS = ['rathole→machine', 'machine→target', 'edge'] as const;
/** One stretch of a tunnel's path. */
export type Leg = (typeof LEGS)[number];

export const PROOFS = ['bytes', 'accepted', 'bound', 'unverified'] as const;
/**
 * What an active tunnel rests on. `bytes`: the target sent some. `accepted`: the target takes
 * connections, and bytes pass the machine's data client. `bound`: UDP, where nothing more can be known
 * without sending what the service did not ask for. `unverified`: nothing speaks against it, and
 * nothing could be asked either.
 */
export type Proof = (typeof PROOFS)[number];

@Entity({ name: 'tunnel' })
@Index('tunnel_machine_id_idx', ['machineId'])
@Check('tunnel_protocol_check', `"protocol" IN ('tcp', 'udp')`)
@Check('tunnel_state_check', `"state" IN ('pending', 'active', 'failed')`)
@Check('tunnel_port_check', `"port" BETWEEN 1 AND 65535`)
@Check(
  'tunnel_speaks_check',
  `"speaks" IS NULL OR ("protocol" = 'tcp' AND "speaks" IN ('http', 'tls', 'banner'))`,
)
export class Tunnel {
  /** UUIDv7: the order of ids is the order of creation, which paging relies on. */
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'tunnel_pk' })
  id!: string;

  @Column({ name: 'edge_id', type: 'uuid' })
  edgeId!: string;

  @Column({ name: 'machine_id', type: 'uuid' })
  machineId!: string;

  @ManyToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'tunnel_machine_id_fk' })
  machine?: Machine;

  @Column({ type: 'text' })
  protocol!: TunnelProtocol;

  /** host:port as the machine sees it. */
  @Column({ type: 'text' })
  target!: string;

  /** What the service is declared to speak, so that probes may speak with it; null: not declared. */
  @Column({ type: 'text', nullable: true })
  speaks!: Application | null;

  /** The address of the edge on which visitors arrive. */
  @Column({ name: 'bind_address', type: 'text' })
  bindAddress!: string;

  @Column({ type: 'integer' })
  port!: number;

  @Column({ name: 'token_sealed', type: 'text' })
  tokenSealed!: string;

  /** Written by the prober alone, except that a change by a person makes it pending. */
  @Column({ type: 'text', default: 'pending' })
  state!: TunnelState;

  /** The leg that is broken; null unless failed. */
  @Column({ type: 'text', nullable: true })
  leg!: Leg | null;

  /** Why it is pending or failed. */
  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ type: 'text', nullable: true })
  proof!: Proof | null;

  @Column({ name: 'probed_at', type: 'timestamptz', nullable: true })
  probedAt!: Date | null;

  /** Counts the changes that a person made; the ETag. */
  @Column({ type: 'integer', default: 1 })
  version!: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
