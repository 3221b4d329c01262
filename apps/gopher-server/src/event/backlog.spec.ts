import { Backlog, replay } from './backlog.js';
import type { Interest } from './edge-event.js';
import { QueueRoom } from './queue-room.js';
import { ReaderQueue } from './reader-queue.js';
import type { About, Topic } from './topics.js';

const BOUNDS = { events: 3, bytes: 1_000, traces: 4 };
const everything = (...topics: Topic[]): Interest => ({
  topics: new Set(topics),
  about: new Set(),
});

function add(backlog: Backlog, number: number, topic: Topic, about: About = 'edge', size = 10) {
  backlog.add({ number, topic, about, frame: Buffer.alloc(size), holders: 0 });
}

function missed(backlogs: Backlog[], interest: Interest, since: number) {
  const queue = new ReaderQueue({ events: 100, bytes: 1e6 }, new QueueRoom(1e6));
  replay(backlogs, interest, since, queue);
  const heard = [];
  for (let taken = queue.take(); taken; taken = queue.take()) {
    if ('event' in taken) heard.push(taken.event.number);
    else heard.push(`lost ${taken.loss.count}`);
  }
  return heard;
}

describe(Backlog.name, () => {
  it('has what a reader missed, and counts exactly what is gone of it', () => {
    const logs = new Backlog(BOUNDS);
    for (let n = 1; n <= 6; n += 1) add(logs, n, 'logs', n % 2 ? 'a' : 'b');
    expect(missed([logs], everything('logs'), 0)).toEqual(['lost 3', 4, 5, 6]);
    expect(missed([logs], everything('logs'), 2)).toEqual(['lost 1', 4, 5, 6]);
    expect(missed([logs], everything('logs'), 4)).toEqual([5, 6]);
    const ofA: Interest = { topics: new Set(['logs'] as const), about: new Set(['a']) };
    expect(missed([logs], ofA, 0)).toEqual(['lost 2', 5]);
  });

  it('puts what is gone in its place among what is not', () => {
    const [events, logs] = [new Backlog(BOUNDS), new Backlog(BOUNDS)];
    for (const n of [1, 2, 4, 5, 6, 7]) add(logs, n, 'logs');
    add(events, 3, 'events');
    expect(missed([logs, events], everything('logs', 'events'), 0)).toEqual([
      'lost 2',
      3,
      'lost 1',
      5,
      6,
      7,
    ]);
  });

  it('knows from where on it knows all', () => {
    const logs = new Backlog(BOUNDS);
    for (let n = 1; n <= 9; n += 1) add(logs, n, 'logs');
    expect([1, 2].map((n) => logs.knowsAfter(n))).toEqual([false, true]);
  });

  it('is bounded in bytes', () => {
    const logs = new Backlog(BOUNDS);
    for (let n = 1; n <= 3; n += 1) add(logs, n, 'logs', 'edge', 600);
    expect(missed([logs], everything('logs'), 0)).toEqual(['lost 2', 3]);
  });
});
