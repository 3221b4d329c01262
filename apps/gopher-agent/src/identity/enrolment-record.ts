import { z } from 'zod';
import { NotEnrolledError } from '../agent.errors.js';
import { JsonFile } from '../state/json-file.js';
import type { StateDirectory } from '../state/state-directory.js';

const credentials = z.object({ keyPem: z.string(), certificatePem: z.string() });
export type Credentials = z.output<typeof credentials>;

const initialConfig = z.object({
  revision: z.string().regex(/^\d{1,20}$/),
  toml: z.string(),
  sha256: z.string(),
});

const schema = z.object({
  /** Tells this enrolment from one before: what was kept for another one no longer counts. */
  id: z.string(),
  machineId: z.string(),
  machineName: z.string(),
  serverUrl: z.string(),
  enrolledAt: z.string(),
  agentPort: z.number(),
  checkPort: z.number(),
  /** The file of a client that was run by hand; null: the agent's own. */
  adoptedClientFile: z.string().nullable(),
  caPem: z.string(),
  credentials,
  control: initialConfig,
  data: initialConfig,
});
/** Everything an enrolment gave this machine: in one file, so that it is there whole or not. */
export type EnrolmentRecord = z.output<typeof schema>;

const joinKey = z.object({ tokenSha256: z.string(), keyPem: z.string() });
export type JoinKey = z.output<typeof joinKey>;

export const enrolmentFile = (state: StateDirectory): JsonFile<EnrolmentRecord> =>
  new JsonFile(state.enrolmentFile, schema);

export const joinKeyFile = (state: StateDirectory): JsonFile<JoinKey> =>
  new JsonFile(state.joinKeyFile, joinKey);

/** @throws NotEnrolledError, StorageError */
export async function readEnrolment(state: StateDirectory): Promise<EnrolmentRecord> {
  const record = await enrolmentFile(state).read();
  if (record) return record;
  throw new NotEnrolledError(
    `This machine is not enrolled: ${state.enrolmentFile} does not exist. Run the join command that the edge gave you, or set GOPHER_AGENT_STATE_DIR to the directory it used`,
  );
}
