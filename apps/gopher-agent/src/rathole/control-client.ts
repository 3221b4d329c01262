import { Logger } from '@nestjs/common';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { configSha256, parseClient, type RatholeClientConfig } from '@gopher/rathole';
import { ConfigRefusedError, NothingPendingError } from '../agent.errors.js';
import { holdsConnection } from '../host/tcp-connections.js';
import type { EnrolmentRecord } from '../identity/enrolment-record.js';
import { toStorageError, writeFileAtomically } from '../state/atomic-file.js';
import type { JsonFile } from '../state/json-file.js';
import { CONTROL_SLOTS, type ControlSlot } from '../state/state-directory.js';
import type { ClientFile, ClientFileState } from './client-file.js';
import { parseControlConfig } from './config-guard.js';
import type { KeptConfig } from './kept-config.js';
import type { ClientPlace, RatholeClients } from './rathole-clients.js';

export interface ControlPush {
  toml: string;
  sha256: string;
  confirmWithinSeconds: number;
}

/** The two places in which a control client can run. */
export interface ControlSlots {
  place(slot: ControlSlot): ClientPlace;
  open(slot: ControlSlot): Promise<ClientFile>;
  /** Says which one is in force, and with which configuration. */
  record: JsonFile<KeptConfig>;
}

interface Move {
  to: ControlSlot;
  toml: string;
  sha256: string;
  timer: NodeJS.Timeout;
}

/**
 * Moves the control client, make-before-break: the one in force is touched only after a call came
 * in through the other.
 */
export class ControlClient {
  private readonly logger = new Logger(ControlClient.name);
  private readonly listeners = new Set<() => void>();
  private queue: Promise<unknown> = Promise.resolve();
  private move: Move | null = null;
  private endListening: () => void;

  constructor(
    private file: ClientFile,
    private readonly slots: ControlSlots,
    private readonly clients: RatholeClients,
    private readonly record: EnrolmentRecord,
  ) {
    this.endListening = file.onChange(() => this.notify());
  }

  /** Of the one in force. */
  get state(): ClientFileState {
    return this.file.state;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Ends what a move left behind that was not confirmed, or not finished. */
  tidy(): Promise<void> {
    return this.inTurn(async () => {
      if (!this.move) await this.clear(this.otherSlot);
    });
  }

  /**
   * Resolves when a second client runs with it.
   * @throws ConfigRefusedError, StorageError, ClientStartError (nothing was changed)
   */
  begin(push: ControlPush): Promise<void> {
    return this.inTurn(async () => {
      const { toml, sha256 } = push;
      if (configSha256(toml) !== sha256) {
        throw new ConfigRefusedError('sha256 is not that of toml: the push arrived damaged');
      }
      if (this.state.config.sha256 === sha256 || this.move?.sha256 === sha256) return;
      parseControlConfig(toml, this.record.agentPort, this.running());
      await this.abandon();
      const to = this.otherSlot;
      await this.startIn(to, toml);
      const ms = push.confirmWithinSeconds * 1_000;
      const timer = setTimeout(() => this.giveUp(push.confirmWithinSeconds), ms);
      this.move = { to, toml, sha256, timer };
    });
  }

  /**
   * Makes the second client the one in force and ends the first.
   * @param fromPort of the connection on which this is asked
   * @throws NothingPendingError, StorageError (nothing was changed)
   */
  confirm(sha256: string, fromPort: number): Promise<void> {
    return this.inTurn(async () => {
      const { move } = this;
      const isThere = !move && this.state.config.sha256 === sha256;
      if (move?.sha256 !== sha256 && !isThere) throw nothingPending(sha256);
      this.requireThrough(move?.to ?? this.slot, fromPort);
      if (move) await this.settle(move);
    });
  }

  async close(): Promise<void> {
    await this.inTurn(() => this.abandon());
    this.endListening();
    await this.file.close();
  }

  private get slot(): ControlSlot {
    return this.state.config.slot;
  }

  private get otherSlot(): ControlSlot {
    return CONTROL_SLOTS.find((slot) => slot !== this.slot)!;
  }

  private running(): RatholeClientConfig | null {
    try {
      return parseClient(this.state.config.toml);
    } catch {
      return null;
    }
  }

  private async startIn(slot: ControlSlot, toml: string): Promise<void> {
    const place = this.slots.place(slot);
    await mkdir(dirname(place.file), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
      throw toStorageError(`Cannot write ${place.file}`, cause);
    });
    await writeFileAtomically(place.file, toml);
    try {
      await this.clients.startBeside(place);
    } catch (error) {
      await this.clear(slot);
      throw error;
    }
    this.logger.log(`A second control client runs as ${slot} until the edge confirms it`);
  }

  /** @throws NothingPendingError unless the connection is one of that client's */
  private requireThrough(slot: ControlSlot, fromPort: number): void {
    const pid = this.clients.statusOf(slot)?.pid;
    const agent = { host: '127.0.0.1', port: this.record.agentPort };
    if (pid && holdsConnection(pid, fromPort, agent)) return;
    throw new NothingPendingError(
      `This call did not come through the control client that it confirms (${slot}); nothing was changed`,
    );
  }

  private async settle({ to, toml, sha256, timer }: Move): Promise<void> {
    const from = this.slot;
    const next: KeptConfig = { ...this.state.config, slot: to, toml, sha256 };
    // Else it could be repaired meanwhile, and its own record written over this one.
    await this.file.close();
    try {
      await this.slots.record.write(next);
    } catch (error) {
      await this.follow(from);
      throw error;
    }
    clearTimeout(timer);
    this.move = null;
    this.clients.moveControl(this.slots.place(to));
    await this.follow(to);
    this.logger.log(`The control client is confirmed as ${to}`);
    await this.clear(from);
  }

  private async follow(slot: ControlSlot): Promise<void> {
    this.endListening();
    this.file = await this.slots.open(slot);
    this.endListening = this.file.onChange(() => this.notify());
    this.notify();
  }

  private giveUp(seconds: number): void {
    this.logger.warn(`The second control client was not confirmed within ${seconds} s: it ends`);
    this.inTurn(() => this.abandon()).catch((error: unknown) => this.logger.error(String(error)));
  }

  private async abandon(): Promise<void> {
    const { move } = this;
    if (!move) return;
    clearTimeout(move.timer);
    this.move = null;
    await this.clear(move.to);
  }

  /** The file last: as long as it is there, something may still run with it. */
  private async clear(slot: ControlSlot): Promise<void> {
    const place = this.slots.place(slot);
    await this.clients.endIn(place);
    await rm(place.file, { force: true });
  }

  private notify(): void {
    for (const listener of this.listeners) listener();
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => {});
    return turn;
  }
}

const nothingPending = (sha256: string) =>
  new NothingPendingError(
    `No control client with SHA-256 ${sha256} awaits a confirmation; the time for it may have run out`,
  );
