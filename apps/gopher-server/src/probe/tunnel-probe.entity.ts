import { Check, Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { type Leg, type Proof, Tunnel } from '../tunnel/tunnel.entity.js';
import type { ProbeOutcome } from './probe.js';

/** What one probe of one tunnel found; kept for an hour. */
@Entity({ name: 'tunnel_probe' })
@Check('tunnel_probe_outcome_check', `"outcome" IN ('passed', 'failed', 'unverified')`)
export class TunnelProbe {
  @PrimaryColumn({ name: 'tunnel_id', type: 'uuid', primaryKeyConstraintName: 'tunnel_probe_pk' })
  tunnelId!: string;

  @ManyToOne(() => Tunnel, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'tunnel_id', foreignKeyConstraintName: 'tunnel_probe_tunnel_id_fk' })
  tunnel?: Tunnel;

  @PrimaryColumn({ type: 'timestamptz', primaryKeyConstraintName: 'tunnel_probe_pk' })
  at!: Date;

  /** Of the tunnel that was looked at. */
  @Column({ type: 'integer' })
  version!: number;

  @Column({ type: 'text' })
  outcome!: ProbeOutcome;

  /** What it rests on; null unless passed. */
  @Column({ type: 'text', nullable: true })
  proof!: Proof | null;

  /** The leg that is broken; null unless failed. */
  @Column({ type: 'text', nullable: true })
  leg!: Leg | null;

  /** Why it failed, or could not be verified. */
  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ name: 'edge_to_machine_ms', type: 'real', nullable: true })
  edgeToMachineMs!: number | null;

  @Column({ name: 'machine_to_target_ms', type: 'real', nullable: true })
  machineToTargetMs!: number | null;

  @Column({ name: 'first_byte_ms', type: 'real', nullable: true })
  firstByteMs!: number | null;

  @Column({ name: 'total_ms', type: 'real', nullable: true })
  totalMs!: number | null;
}
