import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A bearer token of the API; only its hash is known here. */
@Entity({ name: 'api_token' })
export class ApiToken {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'api_token_pk' })
  id!: string;

  @Column({ name: 'edge_id', type: 'uuid' })
  edgeId!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ name: 'secret_sha256', type: 'text' })
  secretSha256!: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
