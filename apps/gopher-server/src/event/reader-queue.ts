import type { EdgeEvent } from './edge-event.js';
import { Fifo } from './fifo.js';
import type { QueueRoom } from './queue-room.js';
import type { About, Topic } from './topics.js';

export interface QueueBounds {
  events: number;
  bytes: number;
}

/** Events that are gone, one after the other. */
export interface Loss {
  /** null: nobody knows. */
  count: number | null;
  /** null: of several, or nobody knows. */
  topic: Topic | null;
  /** The number of the last of them; null: nobody knows. */
  number: number | null;
}

export type Taken = { event: EdgeEvent } | { loss: Loss };

/** Neither: a newer state took its place. */
interface Place {
  event: EdgeEvent | null;
  loss: Loss | null;
}

const MAX_IDLE_PLACES = 64;

/**
 * What one reader has still to get, in order. Beyond the bounds the oldest goes, and a loss stands in
 * its place: each event that was offered is either taken once, or counted in one loss, or it was a
 * status of which a newer one about the same machine was offered before it could be taken.
 */
export class ReaderQueue {
  private readonly places = new Fifo<Place>();
  private readonly states = new Map<About, Place>();
  private events = 0;
  private bytes = 0;
  private dropped: Loss | null = null;

  constructor(
    private readonly bounds: QueueBounds,
    private readonly room: QueueRoom,
  ) {}

  get waitingBytes(): number {
    return this.bytes;
  }

  /** @returns how many events were dropped to have a place for it */
  offer(event: EdgeEvent): number {
    const place: Place = { event, loss: null };
    if (event.topic === 'status') this.replaceState(event.about, place);
    this.places.push(place);
    this.events += 1;
    this.bytes += event.frame.length;
    this.room.take(event);
    let dropped = 0;
    while (this.isTooLong()) dropped += this.dropOldest();
    return dropped;
  }

  /** What would come next can not be had any more. */
  offerLoss(loss: Loss): void {
    const { last } = this.places;
    if (last?.loss) last.loss = join(last.loss, loss);
    else this.places.push({ event: null, loss });
  }

  /** The oldest; null: nothing waits. */
  take(): Taken | null {
    if (this.dropped) {
      const loss = this.dropped;
      this.dropped = null;
      return { loss };
    }
    for (let place = this.places.shift(); place; place = this.places.shift()) {
      if (place.loss) return { loss: place.loss };
      if (place.event) return { event: this.release(place, place.event) };
    }
    return null;
  }

  clear(): void {
    while (this.take());
  }

  private isTooLong(): boolean {
    const { events, bytes, bounds, room } = this;
    if (events === 0) return false;
    return events > bounds.events || bytes > bounds.bytes || room.isTooMuch(bytes);
  }

  private dropOldest(): number {
    const place = this.places.shift();
    if (!place) return 0;
    let count = 0;
    if (place.event) {
      const { topic, number } = this.release(place, place.event);
      this.dropped = join(this.dropped, { count: 1, topic, number });
      count = 1;
    } else if (place.loss) {
      this.dropped = join(this.dropped, place.loss);
    }
    // Two losses with nothing between them are one.
    const next = this.places.first;
    if (count === 1 && next?.loss) this.dropped = join(this.dropped, this.places.shift()!.loss!);
    return count;
  }

  private replaceState(about: About, place: Place): void {
    const older = this.states.get(about);
    if (older?.event) {
      this.release(older, older.event);
      older.event = null;
      if (this.places.length > 2 * this.events + MAX_IDLE_PLACES) {
        this.places.keep(({ event, loss }) => event !== null || loss !== null);
      }
    }
    this.states.set(about, place);
  }

  private release(place: Place, event: EdgeEvent): EdgeEvent {
    this.events -= 1;
    this.bytes -= event.frame.length;
    this.room.give(event);
    if (this.states.get(event.about) === place) this.states.delete(event.about);
    return event;
  }
}

function join(older: Loss | null, newer: Loss): Loss {
  if (older === null) return { ...newer };
  const isKnown = older.count !== null && newer.count !== null;
  return {
    count: isKnown ? older.count! + newer.count! : null,
    topic: older.topic === newer.topic ? older.topic : null,
    number: newer.number ?? older.number,
  };
}
