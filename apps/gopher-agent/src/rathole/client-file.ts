import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientFileStorage, Finding } from './client-file-storage.js';
import { configSha256 } from '@gopher/rathole';
import { DirectoryWatch } from './directory-watch.js';
import { type FoundConfig, foreignParts } from './found-config.js';
import { inForce, isKnownSha256, type KeptConfig, takenBack } from './kept-config.js';

/** Backstop behind the watch, which the kernel may drop. */
const CHECK_EVERY_MS = 15_000;
/** Someone who keeps writing the file must not make the agent write as fast. */
const REPAIR_PAUSE_MS = 1_000;

const STARTED_ANEW = 'The agent was started anew before the edge confirmed it';

const WHAT_WAS_FOUND: Record<Exclude<Finding, 'as-kept'>, string> = {
  missing: 'was removed',
  changed: 'was changed by someone else',
  'not-a-file': 'was replaced by something that is not a file',
};

export interface ClientFileState {
  config: KeptConfig;
  drifted: boolean;
  /** Why it is drifted, or what was repaired last; empty when there is nothing to say. */
  detail: string;
  /** What someone else wrote into it last. */
  found: FoundConfig | null;
}

/**
 * The file that one rathole client reads. It holds what the edge sent last, unless that was taken
 * back: what anyone else does to it is reported, kept beside it, and repaired.
 */
export class ClientFile {
  private readonly logger = new Logger(ClientFile.name);
  private readonly listeners = new Set<() => void>();
  private readonly watch: DirectoryWatch;
  private current: ClientFileState;
  /** All that touches the file happens in turn: a check must not see half of a replacement. */
  private queue: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private retry: NodeJS.Timeout | undefined;
  private failures = 0;
  private repairedAt = 0;
  /** False: the record on the disk tells of a trial that was taken back. */
  private isRecorded = true;
  private isClosed = false;

  private constructor(
    private readonly storage: ClientFileStorage,
    config: KeptConfig,
  ) {
    this.current = { config, drifted: false, detail: '', found: null };
    this.watch = new DirectoryWatch(storage.path, () => this.checkSoon());
  }

  /**
   * Begins with what was kept and confirmed, or else with `initial`. Never fails: it keeps trying
   * instead.
   */
  static async open(storage: ClientFileStorage, initial: KeptConfig): Promise<ClientFile> {
    const kept = await storage.readKept(initial.enrolment).catch(() => null);
    const config = kept && takenBack(kept, 'not-confirmed', STARTED_ANEW);
    const file = new ClientFile(storage, config ?? initial);
    file.isRecorded = config === kept;
    file.change({ found: await storage.readFound(initial.enrolment) });
    await (kept ? file.check() : file.begin()).catch((error: unknown) => file.reportTrouble(error));
    file.watch.renew();
    file.timer = setInterval(() => file.checkSoon(), CHECK_EVERY_MS);
    return file;
  }

  get path(): string {
    return this.storage.path;
  }

  get state(): ClientFileState {
    return this.current;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Both the file and its record, or neither. @throws StorageError */
  replace(next: KeptConfig): Promise<void> {
    return this.inTurn(async () => {
      await this.storage.write(next);
      this.isRecorded = true;
      this.change({ config: next, drifted: false, detail: '' });
    });
  }

  /**
   * Back from a trial. The file goes first: a crash after it leaves a trial in the record, which the
   * next start takes back. @throws StorageError when the trial is still in force
   */
  putBack(next: KeptConfig): Promise<void> {
    return this.inTurn(async () => {
      await this.storage.putBack(next.toml);
      this.isRecorded = false;
      this.change({ config: next, drifted: false, detail: '' });
      await this.tryToRecord();
    });
  }

  /** The record alone: what stands in the file is as it has to be. @throws StorageError */
  keep(next: KeptConfig): Promise<void> {
    return this.inTurn(async () => {
      await this.storage.writeRecord(next);
      this.change({ config: next });
    });
  }

  /** Resolves when the file was looked at and, if need be, repaired. @throws StorageError */
  check(): Promise<void> {
    return this.inTurn(() => this.repairIfNeeded());
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.timer);
    clearTimeout(this.retry);
    this.watch.close();
    await this.queue;
  }

  /** What stands there before the first configuration may be a person's own work. */
  private begin(): Promise<void> {
    const { config } = this.current;
    return this.inTurn(async () => {
      if ((await this.storage.inspect(config.toml)) !== 'missing') await this.storage.keepForeign();
      await this.storage.write(config);
    });
  }

  private checkSoon(): void {
    if (!this.isClosed) this.check().catch((error: unknown) => this.reportTrouble(error));
  }

  private async repairIfNeeded(): Promise<void> {
    this.watch.renew();
    const found = await this.storage.inspect(inForce(this.current.config).toml);
    if (found === 'as-kept') {
      await this.tryToRecord();
      this.failures = 0;
      return this.change({ drifted: false });
    }
    const text = found === 'changed' ? await this.storage.readText() : null;
    // A crash came between the record and the file: nobody else changed anything.
    const isOfTheEdge = text !== null && isKnownSha256(this.current.config, configSha256(text));
    if (!isOfTheEdge) return this.repair(found);
    await this.rewrite();
    this.change({ drifted: false });
  }

  private async repair(found: Exclude<Finding, 'as-kept'>): Promise<void> {
    const what = `${this.path} ${WHAT_WAS_FOUND[found]}`;
    this.change({ drifted: true, detail: what });
    await this.pause();
    const text = found === 'changed' ? await this.storage.readText() : null;
    const beside = found === 'missing' ? null : await this.storage.keepForeign();
    if (text !== null) await this.report(text, beside);
    await this.rewrite();
    const where = beside ? `; what stood there is kept as ${beside}` : '';
    this.logger.warn(`${what}: repaired${where}`);
    const at = new Date(this.repairedAt).toISOString();
    this.change({ drifted: false, detail: `${what}; repaired at ${at}${where}` });
  }

  private async report(text: string, beside: string | null): Promise<void> {
    if (!this.storage.remembersFound) return;
    const { config } = this.current;
    const found: FoundConfig = {
      enrolment: config.enrolment,
      foundAt: new Date().toISOString(),
      keptAs: beside ?? '',
      ...foreignParts(text, inForce(config).toml),
    };
    this.change({ found });
    await this.storage.writeFound(found).catch((error: unknown) => {
      this.logger.error(messageOf(error));
    });
  }

  private async rewrite(): Promise<void> {
    await this.storage.write(this.current.config);
    this.isRecorded = true;
    this.watch.renew();
    this.repairedAt = Date.now();
  }

  /** Until it is done, the next start takes the same trial back once more. */
  private async tryToRecord(): Promise<void> {
    if (this.isRecorded) return;
    try {
      await this.storage.writeRecord(this.current.config);
      this.isRecorded = true;
    } catch (error) {
      this.logger.error(messageOf(error));
    }
  }

  private async pause(): Promise<void> {
    // The clock may have been put back since.
    const wait = Math.min(this.repairedAt + REPAIR_PAUSE_MS - Date.now(), REPAIR_PAUSE_MS);
    if (wait > 0) await delay(wait);
  }

  private reportTrouble(error: unknown): void {
    const detail = messageOf(error);
    if (detail !== this.current.detail) this.logger.error(detail);
    this.change({ drifted: true, detail });
    clearTimeout(this.retry);
    const wait = Math.min(REPAIR_PAUSE_MS * 2 ** this.failures, CHECK_EVERY_MS);
    this.failures += 1;
    if (!this.isClosed) this.retry = setTimeout(() => this.checkSoon(), wait);
  }

  private change(change: Partial<ClientFileState>): void {
    const before = this.current;
    this.current = { ...before, ...change };
    const keys = Object.keys(change) as (keyof ClientFileState)[];
    if (keys.every((key) => before[key] === this.current[key])) return;
    for (const listener of this.listeners) listener();
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => {});
    return turn;
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
