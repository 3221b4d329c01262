import { Logger } from '@nestjs/common';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PushAbortedError } from '../agent.errors.js';
import { watchesDirectory } from '../host/client-process.js';
import type { ClientFileState } from './client-file.js';
import type { ConfigChange, ConfigPush, DataConfig } from './data-config.js';
import type { RevertCause } from './kept-config.js';
import type { RatholeClients } from './rathole-clients.js';
import { SteadyTargets } from './steady-targets.js';
import { checkTargets, type Declared, type TargetFinding } from './target-check.js';
import { Trial } from './trial.js';
import {
  type Before,
  type Expected,
  isSameBesideServices,
  type Refusal,
  startedAnew,
  type Uptake,
} from './uptake.js';

/** Within this time rathole takes a file, or is taken not to: its own retries are a second apart. */
const LONGEST_UPTAKE_MS = 10_000;
const WAY_BACK_MS = 3_000;
/** rathole reads a file in a few milliseconds, if it reads it at all. */
const READ_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;

/** What the edge may do to the data client. The control client is out of its reach. */
export class DataClient {
  private readonly logger = new Logger(DataClient.name);
  /** Pushes, confirmations and ways back come one after the other. */
  private queue: Promise<unknown> = Promise.resolve();
  private trial: Trial | null = null;
  private lastWrite: Before | null = null;
  private readonly targets = new SteadyTargets();

  constructor(
    private readonly config: DataConfig,
    private readonly clients: RatholeClients,
    private readonly uptake: Uptake,
    private readonly file: string,
  ) {}

  get configState(): ClientFileState {
    return this.config.state;
  }

  /**
   * Resolves when the data client has taken it, with how the targets are that it brought.
   * @throws ConfigRefusedError, RevisionRefusedError, StorageError (nothing was changed);
   *   PushAbortedError (superseded, or not taken, and the one before is back)
   */
  async push(push: ConfigPush): Promise<TargetFinding[]> {
    const { change, trial } = await this.inTurn(() => this.begin(push));
    await trial?.taken;
    return checkTargets(change?.targets ?? []);
  }

  /** @throws NothingPendingError with what became of it, StorageError */
  confirm(revision: bigint, sha256: string): Promise<void> {
    return this.inTurn(async () => {
      await this.config.confirm(revision, sha256);
      if (this.trial?.revision !== revision) return;
      this.trial.confirm();
      this.trial = null;
      this.logger.log(`Revision ${revision} is confirmed`);
    });
  }

  /** Of these services, those that the data client is meant to run. */
  checkTargets(names: readonly string[], declared: Declared): Promise<TargetFinding[]> {
    const wanted = new Set(names);
    const services = this.config.config?.services ?? [];
    return this.targets.check(
      services.filter(({ name }) => wanted.has(name)),
      declared,
    );
  }

  /** @throws ClientStartError */
  async restart(reason: string): Promise<void> {
    await this.clients.restart('data', reason);
  }

  /** What is on trial stays so, and the next start takes it back. */
  async close(): Promise<void> {
    this.trial?.end();
    await this.queue;
  }

  private async begin(
    push: ConfigPush,
  ): Promise<{ change: ConfigChange | null; trial: Trial | null }> {
    const isTrial = push.confirmWithinSeconds > 0;
    // What rathole never read it would not be seen to change.
    if (isTrial && this.lastWrite && this.uptake.isTold)
      await this.uptake.untilRead(this.lastWrite, READ_MS);
    const before = this.uptake.look();
    const change = await this.config.take(push);
    if (!change) return { change, trial: this.trial };
    this.lastWrite = before;
    this.logger.log(`The data client gets revision ${push.revision}`);
    const trial = isTrial ? this.newTrial(push, change, before) : null;
    this.trial?.supersede(push.revision);
    this.trial = trial;
    if (trial) this.tryOut(trial);
    else await this.restartIfDeaf();
    return { change, trial };
  }

  private newTrial(push: ConfigPush, { before, after }: ConfigChange, now: Before): Trial {
    const { trial: older } = this;
    const anew = before ? startedAnew(before, after) : [];
    const names = new Set(after.services.map(({ name }) => name));
    // What an older push brought, and this one leaves as it is, may still be on its way.
    const stillNew = older?.expected.anew.filter((name) => names.has(name)) ?? [];
    const since = stillNew.filter((name) => !anew.includes(name));
    const startedAt = new Map(now.startedAt);
    for (const name of since) startedAt.set(name, older?.before.startedAt.get(name) ?? 0);
    const gone = [...now.startedAt.keys()].filter((name) => !names.has(name));
    const isTransport = before === null || !isSameBesideServices(before, after);
    const expected: Expected = { anew: [...anew, ...since], gone, up: [], isTransport };
    return new Trial(
      push.revision,
      push.confirmWithinSeconds * 1_000,
      { ...now, startedAt },
      expected,
      older?.wereUp ?? now.established,
    );
  }

  private tryOut(trial: Trial): void {
    trial.taken = this.prove(trial);
    // Whoever pushed may be gone.
    trial.taken.catch(() => {});
  }

  /** @throws PushAbortedError */
  private async prove(trial: Trial): Promise<void> {
    const found = this.config.state.detail;
    const refusal = await this.refusal(trial);
    if (refusal === null) await this.arm(trial);
    else await this.goBack(trial, this.causeOf(refusal, found), refusal.reason);
    trial.requireNotSuperseded();
    if (refusal === null || trial.isConfirmed) return;
    throw new PushAbortedError(`Revision ${trial.revision} was taken back: ${refusal.reason}`);
  }

  /** In turn: what was seen of this one may be the work of one that is just being written. */
  private arm(trial: Trial): Promise<void> {
    const seconds = trial.confirmWithinMs / 1_000;
    const reason = `The edge did not confirm it within ${seconds} s`;
    return this.inTurn(() => {
      trial.after(trial.confirmWithinMs, () => void this.goBack(trial, 'not-confirmed', reason));
    });
  }

  /** What rathole did not take may have been what someone else wrote into the file meanwhile. */
  private causeOf({ isLasting }: Refusal, found: string): RevertCause {
    const { drifted, detail } = this.config.state;
    const wasChanged = drifted || detail !== found;
    return isLasting && !wasChanged ? 'not-taken' : 'not-confirmed';
  }

  /** Why the data client does not take it; null when it does. */
  private async refusal(trial: Trial): Promise<Refusal | null> {
    try {
      if (trial.before.pid === null) await this.clients.ensure('data');
      else await this.restartIfDeaf();
    } catch (error) {
      return { reason: messageOf(error), isLasting: false };
    }
    // What can not be watched is for the edge to prove.
    if (!this.uptake.isTold) return null;
    const withinMs = Math.min(LONGEST_UPTAKE_MS, trial.confirmWithinMs);
    return this.uptake.refusal(trial.before, trial.expected, withinMs, trial.signal);
  }

  /** Never fails: while the file can not be written it keeps trying. */
  private async goBack(
    trial: Trial,
    cause: RevertCause,
    reason: string,
    retryMs = FIRST_RETRY_MS,
  ): Promise<void> {
    try {
      await this.inTurn(() => this.takeBack(trial, cause, reason));
    } catch (error) {
      this.logger.error(`Revision ${trial.revision} is not taken back yet: ${messageOf(error)}`);
      const next = Math.min(retryMs * 2, LAST_RETRY_MS);
      trial.after(retryMs, () => void this.goBack(trial, cause, reason, next));
    }
  }

  /** @throws StorageError when it is still in force */
  private async takeBack(trial: Trial, cause: RevertCause, reason: string): Promise<void> {
    if (this.trial !== trial) return;
    const before = this.uptake.look();
    await this.config.takeBack(cause, reason);
    this.lastWrite = before;
    this.trial = null;
    trial.end();
    this.logger.warn(`Revision ${trial.revision} was taken back: ${reason}`);
    await this.seeBack(trial, before).catch((error: unknown) => {
      this.logger.error(messageOf(error));
    });
  }

  /** Has rathole run the good file again, whatever the other one did to it. */
  private async seeBack(trial: Trial, before: Before): Promise<void> {
    if (before.pid === null) return this.clients.ensure('data');
    await this.restartIfDeaf();
    if (!this.uptake.isTold) return;
    const names = new Set(this.config.config?.services.map(({ name }) => name));
    const up = trial.wereUp.filter((name) => names.has(name));
    const expected: Expected = { anew: [], gone: [], up, isTransport: false };
    const why = await this.uptake.refusal(before, expected, WAY_BACK_MS);
    if (why) await this.restart(`it does not go back to the file it had: ${why.reason}`);
  }

  /** When its directory was removed, rathole watches nothing any more, and would never reload. */
  private async restartIfDeaf(): Promise<void> {
    const pid = this.clients.status('data')?.pid;
    if (!pid) return;
    const { ino } = await stat(dirname(this.file));
    if (watchesDirectory(pid, ino)) return;
    await this.restart('its directory was replaced, so that it does not see changes any more');
  }

  private inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => {});
    return turn;
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
