import { Check, Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { type HostSample, Machine } from '@gopher/machine';

/**
 * What one host measured in one stretch of time. Coarser stretches are rows with another resolution:
 * averages weigh with `samples`, and what counters counted is between the samples of two rows.
 */
@Entity({ name: 'metric_sample' })
@Index('metric_sample_machine_id_idx', ['machineId', 'resolutionSeconds', 'bucket'])
@Check('metric_sample_subject_check', `"subject_id" = coalesce("machine_id", "edge_id")`)
export class MetricSample {
  @PrimaryColumn({
    name: 'edge_id',
    type: 'uuid',
    primaryKeyConstraintName: 'metric_sample_pk',
  })
  edgeId!: string;

  @PrimaryColumn({
    name: 'resolution_seconds',
    type: 'integer',
    primaryKeyConstraintName: 'metric_sample_pk',
  })
  resolutionSeconds!: number;

  /** When the stretch began, on the edge's clock. */
  @PrimaryColumn({ type: 'timestamptz', primaryKeyConstraintName: 'metric_sample_pk' })
  bucket!: Date;

  /** The machine, or else the edge. */
  @PrimaryColumn({
    name: 'subject_id',
    type: 'uuid',
    primaryKeyConstraintName: 'metric_sample_pk',
  })
  subjectId!: string;

  /** null: the edge itself. */
  @Column({ name: 'machine_id', type: 'uuid', nullable: true })
  machineId!: string | null;

  @ManyToOne(() => Machine, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'machine_id', foreignKeyConstraintName: 'metric_sample_machine_id_fk' })
  machine?: Machine;

  @Column({ type: 'integer' })
  samples!: number;

  /** Share of all cores. */
  @Column({ name: 'cpu_avg', type: 'double precision', nullable: true })
  cpuAvg!: number | null;

  @Column({ name: 'cpu_max', type: 'double precision', nullable: true })
  cpuMax!: number | null;

  /** Bytes. */
  @Column({ name: 'memory_used_avg', type: 'double precision', nullable: true })
  memoryUsedAvg!: number | null;

  @Column({ name: 'memory_used_max', type: 'double precision', nullable: true })
  memoryUsedMax!: number | null;

  /** The last sample, whole: its counters count since long before. */
  @Column({ type: 'jsonb' })
  details!: StoredSample;
}

export type StoredSample = Omit<HostSample, 'observedAt'> & { observedAt: string };
