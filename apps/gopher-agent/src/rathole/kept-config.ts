import { z } from 'zod';
import { configSha256 } from '@gopher/rathole';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import { JsonFile } from '../state/json-file.js';
import type { ClientName } from '../state/state-directory.js';

const schema = z
  .object({
    /** The enrolment that this belongs to; what an earlier one left no longer counts. */
    enrolment: z.string(),
    /** Decimal: the edge counts in 64 bits. */
    revision: z.string().regex(/^\d{1,20}$/),
    sha256: z.string(),
    toml: z.string(),
  })
  .refine(({ toml, sha256 }) => configSha256(toml) === sha256, 'sha256 does not match');

/** What the edge sent last: the truth from which the file of a client is written and repaired. */
export type KeptConfig = z.output<typeof schema>;

export const keptConfigFile = (path: string): JsonFile<KeptConfig> => new JsonFile(path, schema);

/** What the enrolment gave a client to begin with. */
export function initialConfig(record: EnrolmentRecord, client: ClientName): KeptConfig {
  return { enrolment: record.id, ...record[client] };
}
