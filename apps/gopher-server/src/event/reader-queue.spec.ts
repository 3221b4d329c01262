import fc from 'fast-check';
import type { EdgeEvent } from './edge-event.js';
import { QueueRoom } from './queue-room.js';
import { ReaderQueue } from './reader-queue.js';
import type { About, Topic } from './topics.js';

const BOUNDS = { events: 8, bytes: 1_000 };

const eventOf = (
  number: number,
  size = 10,
  topic: Topic = 'events',
  about: About = 'edge',
): EdgeEvent => ({ number, topic, about, frame: Buffer.alloc(size), holders: 0 });

const queueIn = (room = new QueueRoom(1e9)) => new ReaderQueue(BOUNDS, room);

/** What a reader hears: the numbers of events, and of losses how many. */
function drain(queue: ReaderQueue): (number | { lost: number | null; upTo: number | null })[] {
  const heard = [];
  for (let taken = queue.take(); taken; taken = queue.take()) {
    if ('event' in taken) heard.push(taken.event.number);
    else heard.push({ lost: taken.loss.count, upTo: taken.loss.number });
  }
  return heard;
}

describe(ReaderQueue.name, () => {
  it('gives events in order', () => {
    const queue = queueIn();
    for (const n of [1, 2, 3]) expect(queue.offer(eventOf(n))).toBe(0);
    expect(drain(queue)).toEqual([1, 2, 3]);
    expect(queue.take()).toBeNull();
  });

  it('drops the oldest beyond its bounds, and says how many in their place', () => {
    const queue = queueIn();
    for (let n = 1; n <= 11; n += 1) queue.offer(eventOf(n));
    expect(drain(queue)).toEqual([{ lost: 3, upTo: 3 }, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('is bounded in bytes as well, also for one event that is too big by itself', () => {
    const queue = queueIn();
    expect(queue.offer(eventOf(1, 600))).toBe(0);
    expect(queue.offer(eventOf(2, 600))).toBe(1);
    expect(queue.waitingBytes).toBe(600);
    expect(queue.offer(eventOf(3, 1_001))).toBe(2);
    queue.offer(eventOf(4));
    expect(drain(queue)).toEqual([{ lost: 3, upTo: 3 }, 4]);
  });

  it('keeps the newest status of a machine alone', () => {
    const queue = queueIn();
    queue.offer(eventOf(1, 10, 'status', 'a'));
    queue.offer(eventOf(2, 10, 'status', 'b'));
    queue.offer(eventOf(3));
    queue.offer(eventOf(4, 10, 'status', 'a'));
    expect(queue.waitingBytes).toBe(30);
    expect(drain(queue)).toEqual([2, 3, 4]);
    queue.offer(eventOf(5, 10, 'status', 'a'));
    expect(drain(queue)).toEqual([5]);
  });

  it('stays small however often a status changes that nobody takes', () => {
    const queue = queueIn();
    queue.offer(eventOf(0));
    for (let n = 1; n <= 10_000; n += 1) queue.offer(eventOf(n, 10, 'status', 'a'));
    expect(queue['places'].length).toBeLessThan(100);
    expect(drain(queue)).toEqual([0, 10_000]);
  });

  it('joins what was gone already with what it drops, and knows when nobody can count it', () => {
    const queue = queueIn();
    queue.offerLoss({ count: null, topic: null, number: null });
    queue.offerLoss({ count: 2, topic: 'logs', number: 2 });
    for (let n = 3; n <= 11; n += 1) queue.offer(eventOf(n));
    expect(drain(queue)[0]).toEqual({ lost: null, upTo: 3 });
  });

  it('says of which topic the lost ones were, unless they were of several', () => {
    const queue = queueIn();
    queue.offerLoss({ count: 2, topic: 'logs', number: 2 });
    queue.offer(eventOf(3));
    queue.offerLoss({ count: 1, topic: 'logs', number: 4 });
    queue.offerLoss({ count: 1, topic: 'metrics', number: 5 });
    expect([queue.take(), queue.take(), queue.take()]).toEqual([
      { loss: { count: 2, topic: 'logs', number: 2 } },
      { event: expect.objectContaining({ number: 3 }) },
      { loss: { count: 2, topic: null, number: 5 } },
    ]);
  });

  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ offer: fc.integer({ min: 1, max: 1_200 }) }) },
    { weight: 2, arbitrary: fc.record({ gone: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 12 }) }) },
  );

  it('accounts for every event once and in order, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const room = new QueueRoom(1e9);
        const queue = queueIn(room);
        let number = 0;
        let dropped = 0;
        let gone = 0;
        let accounted = 0;
        let received = 0;
        const take = () => {
          const taken = queue.take();
          if (!taken) return false;
          if ('event' in taken) {
            received += 1;
            accounted += 1;
            expect(taken.event.number).toBe(accounted);
          } else {
            accounted += taken.loss.count!;
            expect(taken.loss.number).toBe(accounted);
          }
          return true;
        };
        for (const next of steps) {
          if ('offer' in next) dropped += queue.offer(eventOf(++number, next.offer));
          else if ('gone' in next) {
            gone += next.gone;
            number += next.gone;
            queue.offerLoss({ count: next.gone, topic: 'events', number });
          } else for (let i = 0; i < next.take && take(); i += 1);
          expect(queue.waitingBytes).toBeLessThanOrEqual(BOUNDS.bytes);
          expect(room.usedBytes).toBe(queue.waitingBytes);
        }
        while (take());
        expect(accounted).toBe(number);
        expect(received + dropped + gone).toBe(number);
        expect(room.usedBytes).toBe(0);
      }),
    );
  });

  it('tells the newest status of each machine, and nothing else twice or out of order', () => {
    const machine = fc.constantFrom('a', 'b', 'c');
    const one = fc.record({ about: machine, isStatus: fc.boolean(), take: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 100 }), (events) => {
        const queue = new ReaderQueue({ events: 1_000, bytes: 1e6 }, new QueueRoom(1e9));
        const heard: EdgeEvent[] = [];
        const take = () => {
          const taken = queue.take();
          if (taken && 'event' in taken) heard.push(taken.event);
          return taken !== null;
        };
        events.forEach(({ about, isStatus, take: count }, i) => {
          queue.offer(eventOf(i + 1, 10, isStatus ? 'status' : 'events', about));
          for (let n = 0; n < count; n += 1) take();
        });
        while (take());
        const numbers = heard.map(({ number }) => number);
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        const plain = events.flatMap(({ isStatus }, i) => (isStatus ? [] : [i + 1]));
        expect(heard.filter(({ topic }) => topic === 'events').map((e) => e.number)).toEqual(plain);
        for (const about of ['a', 'b', 'c']) {
          const newest = events.findLastIndex((e) => e.isStatus && e.about === about) + 1;
          const told = heard.findLast((e) => e.topic === 'status' && e.about === about);
          expect(told?.number ?? 0).toBe(newest);
        }
      }),
    );
  });
});

describe(QueueRoom.name, () => {
  it('counts an event that waits for several readers once', () => {
    const room = new QueueRoom(100);
    const [a, b] = [queueIn(room), queueIn(room)];
    const event = eventOf(1, 60);
    a.offer(event);
    b.offer(event);
    expect(room.usedBytes).toBe(60);
    a.take();
    expect(room.usedBytes).toBe(60);
    b.clear();
    expect(room.usedBytes).toBe(0);
  });

  it('takes from readers who keep more than their share once it is full, and from no others', () => {
    const room = new QueueRoom(100);
    room.readers = 2;
    const [greedy, modest] = [queueIn(room), queueIn(room)];
    modest.offer(eventOf(1, 40));
    for (const n of [2, 3, 4]) greedy.offer(eventOf(n, 30));
    expect(room.usedBytes).toBe(100);
    expect(drain(greedy)).toEqual([{ lost: 1, upTo: 2 }, 3, 4]);
    modest.offer(eventOf(5, 10));
    expect(drain(modest)).toEqual([1, 5]);
  });
});
