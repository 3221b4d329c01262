import { z } from 'zod';
import { configSha256 } from '@gopher/rathole';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import { JsonFile } from '../state/json-file.js';
import { type ClientName, CONTROL_SLOTS } from '../state/state-directory.js';

/** Decimal: the edge counts in 64 bits. */
const revision = z.string().regex(/^\d{1,20}$/);
const pushed = { revision, sha256: z.string(), toml: z.string() };
const isWhole = (config: { toml: string; sha256: string }) =>
  configSha256(config.toml) === config.sha256;
const DAMAGED = 'sha256 does not match';

const pushedConfig = z.object(pushed).refine(isWhole, DAMAGED);
export type PushedConfig = z.output<typeof pushedConfig>;

export const REVERT_CAUSES = ['not-taken', 'not-confirmed'] as const;
export type RevertCause = (typeof REVERT_CAUSES)[number];

const reverted = z.object({
  revision,
  sha256: z.string(),
  cause: z.enum(REVERT_CAUSES),
  reason: z.string(),
});
export type RevertedConfig = z.output<typeof reverted>;

/** What was kept by an agent that knew of no confirmations has none of the fields with a default. */
const schema = z
  .object({
    /** The enrolment that this belongs to; what an earlier one left no longer counts. */
    enrolment: z.string(),
    /** The last good one: what is gone back to. */
    ...pushed,
    /** In force, and not confirmed yet. */
    trial: pushedConfig.nullable().default(null),
    /** The highest revision that was ever taken. */
    highest: revision.optional(),
    reverted: reverted.nullable().default(null),
    /** Of what stood in the file before: after a crash between record and file it stands there still. */
    replaced: z.string().default(''),
    /** Which of its two places the control client has. */
    slot: z.enum(CONTROL_SLOTS).default('control'),
  })
  .refine(isWhole, DAMAGED)
  .transform((kept) => ({ ...kept, highest: kept.highest ?? kept.revision }));

/** What the edge sent: the truth from which the file of a client is written and repaired. */
export type KeptConfig = z.output<typeof schema>;

export const keptConfigFile = (path: string): JsonFile<KeptConfig> => new JsonFile(path, schema);

/** What the enrolment gave a client to begin with. */
export function initialConfig(record: EnrolmentRecord, client: ClientName): KeptConfig {
  return schema.parse({ enrolment: record.id, ...record[client] });
}

/** What the client is to run now. */
export const inForce = ({ trial, revision, sha256, toml }: KeptConfig): PushedConfig =>
  trial ?? { revision, sha256, toml };

/** In force until it is confirmed or taken back; the good one stays the last that was confirmed. */
export function tryingOut(kept: KeptConfig, trial: PushedConfig): KeptConfig {
  return { ...kept, trial, highest: trial.revision, replaced: inForce(kept).sha256 };
}

/** Good from now on. */
export function committed(kept: KeptConfig, good: PushedConfig): KeptConfig {
  const replaced = inForce(kept).sha256;
  return { ...kept, ...good, trial: null, highest: good.revision, reverted: null, replaced };
}

/** The trial has become the good one; nothing changes in the file. */
export function confirmed(kept: KeptConfig): KeptConfig {
  return { ...kept, ...inForce(kept), trial: null, reverted: null };
}

/** Back to the good one, if anything is on trial. */
export function takenBack(kept: KeptConfig, cause: RevertCause, reason: string): KeptConfig {
  const { trial } = kept;
  if (!trial) return kept;
  const { revision, sha256 } = trial;
  return { ...kept, trial: null, reverted: { revision, sha256, cause, reason } };
}

/** The edge's own, now or before: nobody else wrote a file with this. */
export function isKnownSha256(kept: KeptConfig, sha256: string): boolean {
  const known = [kept.sha256, kept.trial?.sha256, kept.reverted?.sha256, kept.replaced];
  return known.includes(sha256);
}
