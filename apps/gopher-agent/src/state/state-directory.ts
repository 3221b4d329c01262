import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { removeLeftovers, toStorageError } from './atomic-file.js';

export const CLIENT_NAMES = ['control', 'data'] as const;
export type ClientName = (typeof CLIENT_NAMES)[number];

/** The two places of the control client, used in turn: one moves in before the other is left. */
export const CONTROL_SLOTS = ['control', 'control-2'] as const;
export type ControlSlot = (typeof CONTROL_SLOTS)[number];

/** A rathole client as a process: what its file, its pid file and its log are called. */
export const CLIENT_PROCESSES = [...CONTROL_SLOTS, 'data'] as const;
export type ClientProcess = (typeof CLIENT_PROCESSES)[number];

/** Where the agent keeps what it must not lose; nobody else may look inside. */
export class StateDirectory {
  constructor(readonly root: string) {}

  /** Who this machine is, with its key. Its rename is the moment of an enrolment. */
  get enrolmentFile(): string {
    return join(this.root, 'enrolment.json');
  }

  /** The key that a join token was reserved for: a run that died half-way presents it again. */
  get joinKeyFile(): string {
    return join(this.root, 'join-key.json');
  }

  /** The key of a renewal that has not been confirmed yet. */
  get renewalKeyFile(): string {
    return join(this.root, 'renewal-key.json');
  }

  /** The file that a rathole client reads. A directory of its own: rathole watches it. */
  clientFile(process: ClientProcess): string {
    return join(this.root, 'rathole', `${process}.toml`);
  }

  /** What the edge sent last for that client, from which its file is repaired. */
  keptFile(name: ClientName): string {
    return join(this.root, 'kept', `${name}.json`);
  }

  /** What someone wrote into the data client's file by hand. */
  get foundFile(): string {
    return join(this.root, 'found.json');
  }

  get processDirectory(): string {
    return join(this.root, 'processes');
  }

  private get directories(): string[] {
    return [this.root, join(this.root, 'rathole'), join(this.root, 'kept')];
  }

  /** Only for who holds the lock: what is left over to one is work under way to another. */
  async tidy(): Promise<void> {
    for (const directory of this.directories) await removeLeftovers(directory);
  }

  /** @throws StorageError */
  async prepare(): Promise<void> {
    try {
      for (const directory of this.directories) {
        await mkdir(directory, { recursive: true, mode: 0o700 });
      }
      await chmod(this.root, 0o700);
    } catch (cause) {
      throw toStorageError(`Cannot use the state directory ${this.root}`, cause);
    }
  }
}

/** The data client may read a file that a person made, and that the agent took over. */
export function clientFileOf(
  state: StateDirectory,
  { adoptedClientFile }: { adoptedClientFile: string | null },
  process: ClientProcess,
): string {
  return (process === 'data' ? adoptedClientFile : null) ?? state.clientFile(process);
}
