import { z } from 'zod';
import { SERVICE_TYPES } from '@gopher/rathole';
import { pageQuery, pageView } from '../http/paging.js';
import { TUNNEL_PROTOCOLS } from '../tunnel/tunnel.entity.js';
import {
  type MachineRevision,
  REVISION_CLASSES,
  REVISION_OUTCOMES,
} from './machine-revision.entity.js';
import { fingerprint, redacted } from './redaction.js';
import type { ServiceChange } from './revision-content.js';

const HIGHEST = 2 ** 31 - 1;

export const revisionNumber = z.coerce.number().int().min(1).max(HIGHEST);

export const listRevisions = z.strictObject(pageQuery);
export type ListRevisions = z.output<typeof listRevisions>;

export const diffQuery = z.strictObject({
  from: revisionNumber.optional().meta({ description: 'Default: the one before it' }),
});
export type DiffQuery = z.output<typeof diffQuery>;

export const rollbackQuery = z.strictObject({
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'Only says what would change' }),
});
export type RollbackQuery = z.output<typeof rollbackQuery>;

const moment = z.iso.datetime();
const revisionClass = z.enum(REVISION_CLASSES).meta({
  description: '`transport`: something outside of the services differs from what was in force',
});

const summary = {
  id: z.uuid(),
  number: z.int(),
  sha256: z.string(),
  class: revisionClass,
  cause: z.string().meta({ description: 'Who or what made it' }),
  outcome: z.enum(REVISION_OUTCOMES),
  reason: z.string().nullable().meta({ description: 'Why the outcome is what it is' }),
  createdAt: moment,
  settledAt: moment.nullable().meta({ description: 'null: more is to be heard of it' }),
};

const revisionSummary = z.object(summary).meta({ id: 'RevisionSummary' });
export type RevisionSummary = z.output<typeof revisionSummary>;

export const revisionPage = pageView(revisionSummary, 'RevisionPage');

export const revisionView = z
  .object({
    ...summary,
    content: z
      .string()
      .nullable()
      .meta({ description: 'TOML, with fingerprints for tokens and keys; null: it was not kept' }),
    tunnels: z
      .array(
        z.object({
          id: z.uuid(),
          protocol: z.enum(TUNNEL_PROTOCOLS),
          target: z.string(),
          bindAddress: z.string(),
          port: z.int(),
        }),
      )
      .nullable()
      .meta({ description: 'What a rollback brings back' }),
  })
  .meta({ id: 'Revision' });
export type RevisionDetail = z.output<typeof revisionView>;

const service = z
  .object({
    type: z.enum(SERVICE_TYPES),
    target: z.string(),
    token: z.string().meta({ example: 'sha256:1a2b3c4d', description: 'Its fingerprint' }),
  })
  .meta({ id: 'RevisionService' });

const serviceChange = z
  .object({
    name: z.string(),
    tunnelId: z.string().nullable().meta({ description: 'null: the data check' }),
    change: z.enum(['added', 'removed', 'changed']),
    before: service.nullable(),
    after: service.nullable(),
  })
  .meta({ id: 'RevisionServiceChange' });
type ServiceChangeView = z.output<typeof serviceChange>;

export const diffView = z
  .object({
    from: z.int().nullable().meta({ description: 'null: there is none before it' }),
    to: z.int(),
    class: revisionClass,
    services: z.array(serviceChange),
    text: z
      .string()
      .meta({ description: 'A unified diff, with fingerprints; empty: no difference' }),
  })
  .meta({ id: 'RevisionDiff' });
export type RevisionDiff = z.output<typeof diffView>;

export const rollbackView = z
  .object({
    dryRun: z.boolean(),
    number: z.int().nullable().meta({ description: 'Of the new revision; null: nothing was made' }),
    class: revisionClass,
    services: z.array(serviceChange).meta({ description: 'What changes on the machine' }),
  })
  .meta({ id: 'Rollback' });
export type RollbackView = z.output<typeof rollbackView>;

export function toRevisionSummary(row: MachineRevision): RevisionSummary {
  const { id, number, sha256, cause, outcome, reason } = row;
  return {
    id,
    number,
    sha256,
    class: row.class,
    cause,
    outcome,
    reason,
    createdAt: row.createdAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
  };
}

export const toRevisionView = (row: MachineRevision, toml: string | null): RevisionDetail => ({
  ...toRevisionSummary(row),
  content: toml === null ? null : redacted(toml),
  tunnels: row.tunnels,
});

export function toChangeViews(changes: readonly ServiceChange[]): ServiceChangeView[] {
  return changes.map(({ before, after, ...change }) => ({
    ...change,
    before: before && toServiceView(before),
    after: after && toServiceView(after),
  }));
}

const toServiceView = ({ type, localAddr, token }: NonNullable<ServiceChange['after']>) => ({
  type,
  target: localAddr,
  token: fingerprint(token),
});
