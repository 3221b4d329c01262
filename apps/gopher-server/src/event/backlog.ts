import { type EdgeEvent, type Interest, isOfInterest } from './edge-event.js';
import { Fifo } from './fifo.js';
import type { QueueBounds, ReaderQueue } from './reader-queue.js';

/** An event of which only this is left. */
type Trace = Pick<EdgeEvent, 'number' | 'topic' | 'about'>;

/** The newest events of one topic, for readers who come back, and what is still known of older ones. */
export class Backlog {
  private readonly events = new Fifo<EdgeEvent>();
  private readonly traces = new Fifo<Trace>();
  private bytes = 0;
  /** Of events up to this number nothing is known. */
  private forgottenTo = 0;

  constructor(private readonly bounds: QueueBounds & { traces: number }) {}

  add(event: EdgeEvent): void {
    const { bounds, events, traces } = this;
    events.push(event);
    this.bytes += event.frame.length;
    while (events.length > bounds.events || this.bytes > bounds.bytes) {
      const { number, topic, about, frame } = events.shift()!;
      this.bytes -= frame.length;
      traces.push({ number, topic, about });
    }
    while (traces.length > bounds.traces) this.forgottenTo = traces.shift()!.number;
  }

  /** Whether all that came after this number is known, at least by its trace. */
  knowsAfter(number: number): boolean {
    return number >= this.forgottenTo;
  }

  /** In order. */
  *after(number: number): Iterable<EdgeEvent | Trace> {
    for (const trace of this.traces) if (trace.number > number) yield trace;
    for (const event of this.events) if (event.number > number) yield event;
  }
}

/** Offers what `interest` missed after this number, in order, with what is gone of it. */
export function replay(
  backlogs: readonly Backlog[],
  interest: Interest,
  number: number,
  queue: ReaderQueue,
): void {
  const missed = backlogs
    .flatMap((backlog) => [...backlog.after(number)])
    .filter((event) => isOfInterest(interest, event))
    .sort((a, b) => a.number - b.number);
  for (const event of missed) {
    if ('frame' in event) queue.offer(event);
    else queue.offerLoss({ count: 1, topic: event.topic, number: event.number });
  }
}
