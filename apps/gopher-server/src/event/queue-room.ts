import type { EdgeEvent } from './edge-event.js';

/**
 * The memory that all queues have together. An event that waits for many readers takes it once, so
 * that only readers who wait for different things can use it up; then each keeps its share.
 */
export class QueueRoom {
  readers = 0;
  private bytes = 0;

  constructor(private readonly limit: number) {}

  get usedBytes(): number {
    return this.bytes;
  }

  take(event: EdgeEvent): void {
    if (event.holders === 0) this.bytes += event.frame.length;
    event.holders += 1;
  }

  give(event: EdgeEvent): void {
    event.holders -= 1;
    if (event.holders === 0) this.bytes -= event.frame.length;
  }

  /** Whether a queue with so many bytes has to let go of some. */
  isTooMuch(bytes: number): boolean {
    return this.bytes > this.limit && bytes > this.limit / Math.max(1, this.readers);
  }
}
