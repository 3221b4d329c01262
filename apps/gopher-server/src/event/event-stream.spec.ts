import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { EdgeEvent } from './edge-event.js';
import { EventStream } from './event-stream.js';
import { QueueRoom } from './queue-room.js';
import { ReaderQueue } from './reader-queue.js';

/** Takes what is written until it is full. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  isFull = false;
  ended: 'no' | 'politely' | 'at once' = 'no';

  writeHead = () => this;
  flushHeaders = () => {};
  write(chunk: Buffer): boolean {
    this.written.push(chunk.toString());
    return !this.isFull;
  }
  end(): void {
    if (this.ended === 'no') this.ended = 'politely';
  }
  destroy(): void {
    this.ended = 'at once';
  }
}

describe(EventStream.name, () => {
  let response: FakeResponse;
  let queue: ReaderQueue;
  let stream: EventStream;
  let ends: number;
  let number: number;

  beforeEach(() => {
    vi.useFakeTimers();
    response = new FakeResponse();
    queue = new ReaderQueue({ events: 3, bytes: 1_000_000 }, new QueueRoom(1e9));
    ends = 0;
    number = 0;
    stream = new EventStream(
      response as unknown as ServerResponse,
      queue,
      (taken) => ('event' in taken ? taken.event.frame : Buffer.from(`lost ${taken.loss.count};`)),
      () => (ends += 1),
    );
  });
  afterEach(() => vi.useRealTimers());

  function publish(count = 1, size = 0): void {
    for (let i = 0; i < count; i += 1) {
      const frame = Buffer.from(`${++number};`.padEnd(size));
      const event: EdgeEvent = { number, topic: 'events', about: 'edge', frame, holders: 0 };
      queue.offer(event);
    }
    stream.flush();
  }

  it('writes what waits in one go', () => {
    publish(3);
    expect(response.written).toEqual(['1;2;3;']);
  });

  it('writes no more than a chunk before it was taken', () => {
    response.isFull = true;
    publish(3, 20_000);
    expect(response.written.map((chunk) => chunk.length)).toEqual([40_000]);
    response.emit('drain');
    expect(response.written.map((chunk) => chunk.length)).toEqual([40_000, 20_000]);
  });

  it('waits for a reader who takes nothing, and then tells what it lost', () => {
    response.isFull = true;
    publish();
    publish(10);
    expect(response.written).toEqual(['1;']);
    response.emit('drain');
    expect(response.written).toEqual(['1;', 'lost 7;9;10;11;']);
  });

  it('ends with a reader who takes nothing for a minute, and leaves nothing behind', () => {
    response.isFull = true;
    publish(3);
    vi.advanceTimersByTime(59_000);
    expect(response.ended).toBe('no');
    vi.advanceTimersByTime(2_000);
    expect([response.ended, ends, queue.waitingBytes]).toEqual(['at once', 1, 0]);
    expect(vi.getTimerCount()).toBe(0);
    response.emit('close');
    response.emit('drain');
    publish();
    expect([response.written.length, ends]).toEqual([1, 1]);
  });

  it('counts the minute anew with everything that is taken', () => {
    response.isFull = true;
    for (let i = 0; i < 10; i += 1) {
      publish();
      vi.advanceTimersByTime(40_000);
      response.emit('drain');
    }
    expect(response.ended).toBe('no');
  });

  it('beats every 15 s, but not for a reader who takes nothing', () => {
    vi.advanceTimersByTime(31_000);
    const beat = 'event: heartbeat\ndata: {}\n\n';
    expect(response.written).toEqual([beat, beat]);
    response.isFull = true;
    publish();
    vi.advanceTimersByTime(45_000);
    expect(response.written).toHaveLength(3);
  });

  it('ends when the reader leaves, or when it is told to', () => {
    response.emit('close');
    expect([ends, vi.getTimerCount()]).toEqual([1, 0]);
    stream.end();
    expect(ends).toBe(1);
  });

  it('lets a reader who reads hear of the end', () => {
    stream.end();
    expect(response.ended).toBe('politely');
  });
});
