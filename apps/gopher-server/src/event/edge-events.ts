import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { Backlog, replay } from './backlog.js';
import { type EdgeEvent, frame, type Interest, isOfInterest } from './edge-event.js';
import { EdgeEndingError, TooManyReadersError } from './event.errors.js';
import { EventStream } from './event-stream.js';
import { LiveFeeds } from './live-feeds.js';
import { QueueRoom } from './queue-room.js';
import { ReaderQueue, type Taken } from './reader-queue.js';
import { type About, type LiveFeed, type Topic, TOPICS } from './topics.js';

const MAX_READERS = 500;
const MEGABYTE = 1024 * 1024;
/** Of one reader: a second of 8,000 events, or 4 MB of them. */
const QUEUE = { events: 8_192, bytes: 4 * MEGABYTE };
/** Of all readers together, an event that waits for several counted once. */
const ROOM_BYTES = 32 * MEGABYTE;
/** Of one topic, for readers who come back. */
const BACKLOG = { events: 4_096, bytes: MEGABYTE, traces: 8_192 };

interface Reader {
  interest: Interest;
  queue: ReaderQueue;
  stream: EventStream;
}

/** From where on a reader is to be told; null: it is not known what it had. */
export type Since = number | null;

/** What happens at this edge, in order, for all who follow it. Whoever publishes never waits. */
@Injectable()
export class EdgeEvents implements BeforeApplicationShutdown {
  /** How many events were published in each topic. */
  readonly published = new Map<Topic, number>(TOPICS.map((topic) => [topic, 0]));
  /** How many events readers were too slow for. */
  lost = 0;

  private readonly run = randomBytes(4).toString('hex');
  private lastNumber = 0;
  private readonly backlogs = new Map(TOPICS.map((topic) => [topic, new Backlog(BACKLOG)]));
  private readonly feeds = new LiveFeeds();
  private readonly room = new QueueRoom(ROOM_BYTES);
  private readonly readers = new Set<Reader>();
  private readonly due = new Set<Reader>();
  private flushing: NodeJS.Immediate | undefined;
  private ended = false;

  get readerCount(): number {
    return this.readers.size;
  }

  /** Has `feed` told who reads `topic`. One feed a topic. */
  feed(topic: Topic, feed: LiveFeed): void {
    this.feeds.add(topic, feed);
  }

  publish(topic: Topic, about: About, type: string, data: object): void {
    const number = ++this.lastNumber;
    const written = frame(type, { ...data, topic, about }, this.idOf(number));
    const event: EdgeEvent = { number, topic, about, frame: written, holders: 0 };
    this.published.set(topic, this.published.get(topic)! + 1);
    this.backlogs.get(topic)!.add(event);
    for (const reader of this.readers) {
      if (!isOfInterest(reader.interest, event)) continue;
      this.lost += reader.queue.offer(event);
      this.due.add(reader);
    }
    // What is published in one go is written in one go.
    if (this.due.size > 0) this.flushing ??= setImmediate(() => this.flush());
  }

  /** The machine is no more: its readers are told, and nothing is asked of it for them. */
  removed(machineId: string): void {
    for (const topic of ['status', 'metrics', 'logs'] as const) {
      this.publish(topic, machineId, 'machine-removed', { machineId });
    }
    this.feeds.forget(machineId);
  }

  /** What a reader who comes now, with the id of the last event that it had, is to be told from. */
  since(lastEventId: string | undefined): Since {
    if (!lastEventId) return this.lastNumber;
    const [, run, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(lastEventId) ?? [];
    return run === this.run ? Math.min(Number(number), this.lastNumber) : null;
  }

  /** @throws TooManyReadersError, EdgeEndingError */
  admit(): void {
    if (this.ended) throw new EdgeEndingError();
    if (this.readers.size >= MAX_READERS) throw new TooManyReadersError(MAX_READERS);
  }

  /** Tells `response` what is of interest until its reader leaves. */
  follow(response: ServerResponse, interest: Interest, since: Since): void {
    if (response.closed || response.destroyed) return;
    const queue = new ReaderQueue(QUEUE, this.room);
    this.catchUp(queue, interest, since);
    const release = this.feeds.watch(interest);
    const stream = new EventStream(response, queue, this.write, () => {
      this.readers.delete(reader);
      this.due.delete(reader);
      this.room.readers = this.readers.size;
      release();
    });
    const reader: Reader = { interest, queue, stream };
    this.readers.add(reader);
    this.room.readers = this.readers.size;
    stream.flush();
  }

  beforeApplicationShutdown(): void {
    this.ended = true;
    clearImmediate(this.flushing);
    this.feeds.closeAll();
    for (const { stream } of [...this.readers]) stream.end();
  }

  private flush(): void {
    this.flushing = undefined;
    for (const { stream } of this.due) stream.flush();
    this.due.clear();
  }

  private catchUp(queue: ReaderQueue, interest: Interest, since: Since): void {
    if (since === this.lastNumber) return;
    const backlogs = [...interest.topics].map((topic) => this.backlogs.get(topic)!);
    const isKnown = since !== null && backlogs.every((backlog) => backlog.knowsAfter(since));
    if (!isKnown) queue.offerLoss({ count: null, topic: null, number: null });
    replay(backlogs, interest, since ?? 0, queue);
  }

  private readonly write = (taken: Taken): Buffer => {
    if ('event' in taken) return taken.event.frame;
    const { count, topic, number } = taken.loss;
    const id = number === null ? null : this.idOf(number);
    return frame('lost', { topic, about: null, count }, id);
  };

  private idOf(number: number): string {
    return `${this.run}-${number}`;
  }
}
