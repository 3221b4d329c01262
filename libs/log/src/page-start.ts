import { setImmediate as breath } from 'node:timers/promises';
import { linesBackwards, type PlacedLine } from './lines-backwards.js';
import type { LogPlace } from './log-cursor.js';
import type { LogLines } from './log-lines.js';

/** Two logs at their cap and what came beyond it. */
const MAX_SCANNED_BYTES = 32 * 1024 * 1024;
const LINES_AT_ONCE = 200;

/** Where the newest entries of one log begin, found by going back one by one. */
export class PageStart {
  /** Of the oldest entry taken; the end of the log when there is none. */
  place: LogPlace = { isOlder: false, offset: 0 };
  count = 0;
  private readonly lines: Generator<PlacedLine>;
  private next: { place: LogPlace; at: number } | null = null;
  private scannedBytes = 0;
  private lookedAt = 0;
  private lastAt = Infinity;

  private constructor(
    path: string,
    private readonly log: LogLines,
    private readonly takesOpen: boolean,
  ) {
    this.lines = linesBackwards(path);
  }

  /** @param takesOpen a last line that nothing ends is one */
  static async of(path: string, log: LogLines, takesOpen: boolean): Promise<PageStart> {
    const start = new PageStart(path, log, takesOpen);
    await start.find(true);
    return start;
  }

  /** When the entry before those taken was logged, in ms; null: there is none. */
  get at(): number | null {
    return this.next?.at ?? null;
  }

  async take(): Promise<void> {
    if (!this.next) return;
    this.place = this.next.place;
    this.count += 1;
    await this.find();
  }

  close(): void {
    this.lines.return(undefined);
  }

  private async find(isFirst = false): Promise<void> {
    this.next = null;
    for (let line = this.nextLine(); line; line = this.nextLine()) {
      if (isFirst) this.place = endOf(line);
      isFirst = false;
      if (++this.lookedAt % LINES_AT_ONCE === 0) await breath();
      if (line.isOpen && !this.takesOpen) continue;
      const { fits, at, isTooOld } = this.log.look(line.text);
      if (isTooOld) return this.close();
      // What has no time is taken for as new as what follows it.
      this.lastAt = at?.getTime() ?? this.lastAt;
      if (!fits) continue;
      this.next = { place: line.place, at: this.lastAt };
      return;
    }
  }

  private nextLine(): PlacedLine | null {
    if (this.scannedBytes > MAX_SCANNED_BYTES) return null;
    const { value } = this.lines.next() as IteratorResult<PlacedLine, undefined>;
    this.scannedBytes += value?.bytes ?? 0;
    return value ?? null;
  }
}

/** A reader goes on from here: from the beginning of a line that may yet go on. */
function endOf({ place, bytes, isOpen }: PlacedLine): LogPlace {
  return isOpen ? place : { ...place, offset: place.offset + bytes };
}

/** Chooses the newest `tail` entries of all logs together, so that each start has its part of them. */
export async function choose(starts: readonly PageStart[], tail: number): Promise<void> {
  for (let chosen = 0; chosen < tail; chosen += 1) {
    const newest = starts.reduce<PageStart | null>(
      (best, start) => (start.at !== null && start.at >= (best?.at ?? -Infinity) ? start : best),
      null,
    );
    if (!newest) return;
    await newest.take();
  }
}
