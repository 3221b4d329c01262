import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientFileStorage, Finding } from './client-file-storage.js';
import { DirectoryWatch } from './directory-watch.js';
import type { KeptConfig } from './kept-config.js';

/** Backstop behind the watch, which the kernel may drop. */
const CHECK_EVERY_MS = 15_000;
/** Someone who keeps writing the file must not make the agent write as fast. */
const REPAIR_PAUSE_MS = 1_000;

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
}

/**
 * The file that one rathole client reads. It holds what the edge sent last: what anyone else does
 * to it is reported, kept beside it, and repaired.
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
  private isClosed = false;

  private constructor(
    private readonly storage: ClientFileStorage,
    config: KeptConfig,
  ) {
    this.current = { config, drifted: false, detail: '' };
    this.watch = new DirectoryWatch(storage.path, () => this.checkSoon());
  }

  /** Begins with what was kept, or else with `initial`. Never fails: it keeps trying instead. */
  static async open(storage: ClientFileStorage, initial: KeptConfig): Promise<ClientFile> {
    const kept = await storage.readKept(initial.enrolment).catch(() => null);
    const file = new ClientFile(storage, kept ?? initial);
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

  /** Both the file and the copy kept of it, or neither. @throws StorageError */
  replace(next: KeptConfig): Promise<void> {
    return this.inTurn(async () => {
      await this.storage.write(next);
      this.change({ config: next, drifted: false, detail: '' });
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
    const { config } = this.current;
    const found = await this.storage.inspect(config.toml);
    if (found === 'as-kept') {
      this.failures = 0;
      return this.change({ drifted: false });
    }
    const what = `${this.path} ${WHAT_WAS_FOUND[found]}`;
    this.change({ drifted: true, detail: what });
    await this.pause();
    const beside = found === 'missing' ? null : await this.storage.keepForeign();
    await this.storage.write(config);
    this.watch.renew();
    this.repairedAt = Date.now();
    const where = beside ? `; what stood there is kept as ${beside}` : '';
    this.logger.warn(`${what}: repaired${where}`);
    const at = new Date(this.repairedAt).toISOString();
    this.change({ drifted: false, detail: `${what}; repaired at ${at}${where}` });
  }

  private async pause(): Promise<void> {
    const wait = this.repairedAt + REPAIR_PAUSE_MS - Date.now();
    if (wait > 0) await delay(wait);
  }

  private reportTrouble(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
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
