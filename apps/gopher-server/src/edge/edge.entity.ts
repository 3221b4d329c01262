import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity({ name: 'edge' })
export class Edge {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'edge_pk' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ name: 'ca_certificate', type: 'text' })
  caCertificate!: string;

  @Column({ name: 'ca_key_sealed', type: 'text' })
  caKeySealed!: string;

  /** 32 bytes, base64. */
  @Column({ name: 'noise_public_key', type: 'text' })
  noisePublicKey!: string;

  @Column({ name: 'noise_key_sealed', type: 'text' })
  noiseKeySealed!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
