import type { ServerResponse } from 'node:http';
import { frame } from './edge-event.js';
import type { ReaderQueue, Taken } from './reader-queue.js';

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Proxies that know it pass events on as they come.
  'x-accel-buffering': 'no',
};
/** What is written at once: a reader who does not take so much within STALLED_MS is gone. */
const CHUNK_BYTES = 32 * 1024;
const STALLED_MS = 60_000;
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = frame('heartbeat', {});

/**
 * Brings what waits in a queue to one reader, as fast as he takes it and no faster. Written to the
 * response itself: Nest's own streams hold on to every event that a slow reader has not had.
 */
export class EventStream {
  private blocked = false;
  private ended = false;
  private stalled: NodeJS.Timeout | undefined;
  private readonly heartbeat: NodeJS.Timeout;

  /** The response must be untouched, and its reader still there. */
  constructor(
    private readonly response: ServerResponse,
    private readonly queue: ReaderQueue,
    private readonly write: (taken: Taken) => Buffer,
    private readonly onEnd: () => void,
  ) {
    response.once('close', () => this.end());
    response.on('error', () => this.end());
    response.on('drain', () => this.goOn());
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    response.writeHead(200, HEADERS);
    response.flushHeaders();
  }

  flush(): void {
    while (!this.blocked && !this.ended) {
      const chunk = this.next();
      if (chunk === null) return;
      this.send(chunk);
    }
  }

  /** Nothing of it is left afterwards. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.heartbeat);
    clearTimeout(this.stalled);
    this.queue.clear();
    this.onEnd();
    // Whoever still takes what he is sent hears that it is over; nobody else is waited for.
    if (this.blocked) this.response.destroy();
    else this.response.end();
  }

  private next(): Buffer | null {
    const frames: Buffer[] = [];
    let bytes = 0;
    while (bytes < CHUNK_BYTES) {
      const taken = this.queue.take();
      if (taken === null) break;
      const written = this.write(taken);
      frames.push(written);
      bytes += written.length;
    }
    if (frames.length === 0) return null;
    return frames.length === 1 ? frames[0]! : Buffer.concat(frames, bytes);
  }

  private send(chunk: Buffer): void {
    this.blocked = !this.response.write(chunk);
    if (this.blocked) this.stalled = setTimeout(() => this.end(), STALLED_MS);
  }

  private goOn(): void {
    clearTimeout(this.stalled);
    this.blocked = false;
    this.flush();
  }

  private beat(): void {
    if (!this.blocked && !this.ended) this.send(HEARTBEAT);
  }
}
