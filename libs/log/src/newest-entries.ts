import type { LogEntry } from './log-entry.js';

/** Of one message: some 400 KB at most, and far from what gRPC takes. */
const MAX_ENTRIES = 500;
const MAX_CHARS = 128 * 1024;

/** What an entry costs beside its text, roughly. */
const charsOf = ({ text }: LogEntry): number => text.length + 32;

/** Keeps the newest entries that fit, by default into one message, and counts those that had to go. */
export class NewestEntries<Source extends string> {
  private entries: LogEntry<Source>[] = [];
  private chars = 0;
  private droppedCount = 0;

  constructor(
    private readonly maxEntries = MAX_ENTRIES,
    private readonly maxChars = MAX_CHARS,
  ) {}

  /** Nothing was dropped yet, and soon would be. */
  get isFull(): boolean {
    return this.entries.length >= this.maxEntries || this.chars >= this.maxChars / 2;
  }

  add(entry: LogEntry<Source>): void {
    this.entries.push(entry);
    this.chars += charsOf(entry);
    while (this.entries.length > this.maxEntries || this.chars > this.maxChars) this.dropOldest();
  }

  /** `count` entries were left out after those that are here. */
  drop(count: number): void {
    if (count === 0) return;
    this.droppedCount += this.entries.length + count;
    this.entries = [];
    this.chars = 0;
  }

  take(): { entries: LogEntry<Source>[]; dropped: number } {
    const { entries, droppedCount: dropped } = this;
    this.entries = [];
    this.chars = 0;
    this.droppedCount = 0;
    return { entries, dropped };
  }

  private dropOldest(): void {
    const oldest = this.entries.shift();
    if (!oldest) return;
    this.chars -= charsOf(oldest);
    this.droppedCount += 1;
  }
}
