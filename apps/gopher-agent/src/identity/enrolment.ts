import type { StateDirectory } from '../state/state-directory.js';
import { type Credentials, enrolmentFile, type EnrolmentRecord } from './enrolment-record.js';

/** Who this machine is, for as long as the agent runs. */
export class Enrolment {
  constructor(
    readonly state: StateDirectory,
    private current: EnrolmentRecord,
  ) {}

  get record(): EnrolmentRecord {
    return this.current;
  }

  /** On the disk first: a restart must come up with what was confirmed. @throws StorageError */
  async replaceCredentials(credentials: Credentials): Promise<void> {
    const next = { ...this.current, credentials };
    await enrolmentFile(this.state).write(next);
    this.current = next;
  }
}
