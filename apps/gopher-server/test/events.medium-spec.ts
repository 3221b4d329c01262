import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../../test/product/until.js';
import { EdgeEvents } from '../src/event/edge-events.js';
import { EVENT_TYPES } from '../src/event/event-types.js';
import type { About, LiveFeed, Topic } from '../src/event/topics.js';
import { type Answer, type Problem, TestingServer } from './testing-server.js';

const NOBODY = '01a208f8-0000-7000-8000-000000000000';

interface Event {
  id: string;
  type: string;
  data: Record<string, unknown> & { topic: Topic | null; about: About | null };
}

/** Reads the events of one connection. */
class Reading {
  readonly events: Event[] = [];
  /** null: it goes on. */
  end: 'told' | 'cut off' | null = null;
  private rest = '';

  private constructor(
    readonly response: Response,
    private readonly abort: AbortController,
  ) {
    void this.read();
  }

  static async open(server: TestingServer, query = '', lastEventId?: string): Promise<Reading> {
    const abort = new AbortController();
    const response = await fetch(`${server.url}/api/v1/events${query}`, {
      headers: {
        ...server.authorization,
        ...(lastEventId ? { 'last-event-id': lastEventId } : {}),
      },
      signal: abort.signal,
    });
    return new Reading(response, abort);
  }

  of(type: string): Event[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Resolves once there are so many, of this type. */
  until(count: number, type = 'test'): Promise<Event[]> {
    return until(`${count} events ${type}`, () => {
      const found = this.of(type);
      if (found.length >= count) return found;
      throw new Error(JSON.stringify(this.events));
    });
  }

  leave(): void {
    this.abort.abort();
  }

  private async read(): Promise<void> {
    try {
      for await (const chunk of this.response.body!.pipeThrough(new TextDecoderStream())) {
        const blocks = (this.rest + chunk).split('\n\n');
        this.rest = blocks.pop() ?? '';
        this.events.push(...blocks.map(parse));
      }
      this.end = 'told';
    } catch {
      this.end = 'cut off'; // the reader left, or the server ended: what was read stays
    }
  }
}

function parse(block: string): Event {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
  return {
    id: field('id'),
    type: field('event'),
    data: JSON.parse(field('data')) as Event['data'],
  };
}

/** Says what was opened and closed, in order. */
class FakeFeed implements LiveFeed {
  readonly calls: string[] = [];

  open(about: About): () => void {
    this.calls.push(`open ${about}`);
    return () => this.calls.push(`close ${about}`);
  }
}

describe('/api/v1/events', () => {
  let server: TestingServer;
  let events: EdgeEvents;
  let readings: Reading[];

  beforeAll(async () => {
    server = await TestingServer.start();
  });
  beforeEach(() => {
    events = server.get(EdgeEvents);
    readings = [];
  });
  afterEach(async () => {
    for (const reading of readings) reading.leave();
    await until('all have left', () => events.readerCount === 0);
  });
  afterAll(() => server.stop());

  async function open(query = '', lastEventId?: string): Promise<Reading> {
    const reading = await Reading.open(server, query, lastEventId);
    readings.push(reading);
    return reading;
  }

  const publish = (...numbers: number[]) => {
    for (const n of numbers) events.publish('events', 'edge', 'test', { n });
  };
  const numbersOf = (found: Event[]) => found.map(({ data }) => data['n']);

  const refused = (query: string): Promise<Answer<Problem>> => server.call(`/events?${query}`);

  it('is a stream that nobody keeps', async () => {
    const { response } = await open();
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    expect(response.headers.get('content-encoding')).toBeNull();
  });

  it('tells status and events of everything, unless asked for other topics', async () => {
    const { id } = await server.createMachine('attic');
    const [all, metrics, ofEdge] = [
      await open(),
      await open('?topics=metrics'),
      await open('?topics=metrics,events,logs&about=edge'),
    ];
    events.publish('metrics', id, 'test', { n: 1 });
    events.publish('metrics', 'edge', 'test', { n: 2 });
    events.publish('status', id, 'test', { n: 3 });
    events.publish('events', id, 'test', { n: 4 });
    events.publish('logs', 'edge', 'test', { n: 5 });
    publish(6);
    expect(numbersOf(await all.until(3))).toEqual([3, 4, 6]);
    expect(numbersOf(await metrics.until(2))).toEqual([1, 2]);
    const found = await ofEdge.until(3);
    expect(found.map(({ data }) => data)).toEqual([
      { n: 2, topic: 'metrics', about: 'edge' },
      { n: 5, topic: 'logs', about: 'edge' },
      { n: 6, topic: 'events', about: 'edge' },
    ]);
  });

  it.each([
    ['topics=status,nonsense', 400, /topics: .*"nonsense" is no topic; there are status, metrics/],
    ['topics=', 400, /topics: .*is no topic/],
    ['topics=status&topics=events', 400, /^topics: /],
    ['topics=logs', 400, /^about: must name what the logs are to be of/],
    ['about=attic', 400, /^about.*: must be "edge" or the id of a machine/],
    ['about=edge&about=', 400, /^about.*: must be "edge" or the id of a machine/],
    [`about=${NOBODY}`, 404, /No machine with id/],
    [`topics=logs&about=edge&about=${NOBODY}`, 404, /No machine with id/],
    ['since=1', 400, /since/],
  ])('refuses ?%s with %i before the stream begins', async (query, status, detail) => {
    const answer = await refused(query);
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)]);
    expect(events.readerCount).toBe(0);
  });

  it('refuses to follow more than 20 at once by their names', async () => {
    const of = (count: number) => Array.from({ length: count }, () => 'about=edge').join('&');
    const answer = await refused(of(21));
    expect([answer.status, answer.body.detail]).toEqual([
      400,
      expect.stringMatching(/^about: .*20/),
    ]);
    expect((await open(`?${of(20)}`)).response.status).toBe(200);
  });

  it('tells a reader who comes back what it missed, in order, once', async () => {
    const first = await open();
    publish(0, 1, 2);
    const [, second] = await first.until(3);
    publish(3, 4);
    const missed = await open('', second!.id);
    expect(numbersOf(await missed.until(3))).toEqual([2, 3, 4]);
    expect(missed.of('lost')).toEqual([]);
  });

  it('gives a reader who is cut off anywhere everything, once, over all its connections', async () => {
    const total = 400;
    const heard: unknown[] = [];
    let next = 0;
    const first = await open();
    publish(next++);
    let lastId = (await first.until(1))[0]!.id;
    heard.push(0);
    while (heard.length < total) {
      const reading = await open('', lastId);
      for (let i = 0; i < 37 && next < total; i += 1) publish(next++);
      await reading.until(1);
      reading.leave(); // in the middle of what it is told
      const got = reading.of('test');
      heard.push(...numbersOf(got));
      lastId = got.at(-1)!.id;
      for (let i = 0; i < 5 && next < total; i += 1) publish(next++);
    }
    expect(heard).toEqual(Array.from({ length: total }, (_, n) => n));
  });

  it('says how many are gone for a reader who was away for too long', async () => {
    const reading = await open();
    publish(0);
    const [first] = await reading.until(1);
    reading.leave();
    for (let n = 1; n <= 5_000; n += 1) publish(n);
    const later = await open('', first!.id);
    await until('all is told', () => later.events.at(-1)?.data['n'] === 5_000);
    const [lost] = later.events;
    const { count } = lost!.data as unknown as { count: number };
    expect(lost).toMatchObject({ type: 'lost', data: { topic: 'events', about: null } });
    expect(later.of('lost')).toHaveLength(1);
    expect(count).toBeGreaterThan(0);
    expect(numbersOf(later.of('test'))).toEqual(
      Array.from({ length: 5_000 - count }, (_, i) => count + 1 + i),
    );
    // Whoever comes back with the id of the loss is not told of it again.
    const again = await open('', lost!.id);
    expect(numbersOf(await again.until(5_000 - count))[0]).toBe(count + 1);
    expect(again.of('lost')).toEqual([]);
  });

  it('tells all it knows after the server was started again, and that nobody counts what is gone', async () => {
    const before = await open();
    publish(0, 1, 2, 3, 4);
    const [, , , , last] = await before.until(5);
    await server.restart();
    events = server.get(EdgeEvents);
    publish(10, 11);
    const reading = await open('', last!.id);
    expect(numbersOf(await reading.until(2))).toEqual([10, 11]);
    expect(reading.events[0]).toEqual({
      id: '',
      type: 'lost',
      data: { topic: null, about: null, count: null },
    });
  });

  it('opens a feed once for all who read it, and closes it when nobody has for some seconds', async () => {
    const { id } = await server.createMachine('cellar');
    const feed = new FakeFeed();
    events.feed('metrics', feed);
    await open('?topics=metrics');
    const query = `?topics=metrics,status&about=${id}`;
    const both = [await open(query), await open(query)];
    expect(feed.calls).toEqual([`open ${id}`]);
    for (const reading of both) reading.leave();
    await until('both have left', () => events.readerCount === 1);
    (await open(query)).leave();
    await until('it has left', () => events.readerCount === 1);
    expect(feed.calls).toEqual([`open ${id}`]);
    await until('the feed is closed', () => feed.calls.length > 1, 8_000);
    expect(feed.calls).toEqual([`open ${id}`, `close ${id}`]);
  });

  it('tells the readers of a machine that it was removed, and asks nothing of it any more', async () => {
    const { id } = await server.createMachine('shed');
    const feed = new FakeFeed();
    events.feed('metrics', feed);
    const reading = await open(`?topics=metrics&about=${id}`);
    const all = await open();
    await server.api('DELETE', `/machines/${id}`);
    expect((await reading.until(1, 'machine-removed'))[0]!.data).toEqual({
      machineId: id,
      topic: 'metrics',
      about: id,
    });
    await all.until(1, 'machine-removed');
    expect(feed.calls).toEqual([`open ${id}`, `close ${id}`]);
    expect((await refused(`about=${id}`)).status).toBe(404);
  });

  it('tells how a machine is when that changes', async () => {
    const reading = await open();
    const { id, agent } = await server.joinedMachine('barn');
    await until('it was up', () =>
      reading.of('machine-status').find(({ data }) => data['machineId'] === id),
    );
    agent.close();
    const [, lost] = await reading.until(2, 'agent-status');
    expect(lost).toMatchObject({ data: { topic: 'events', about: id, machineId: id, from: 'up' } });
    for (const { type } of reading.events) expect(Object.keys(EVENT_TYPES)).toContain(type);
  });

  it('takes as many readers as it can bear, and asks the others to come back', async () => {
    await Promise.all(Array.from({ length: 500 }, () => open('?topics=metrics')));
    expect(readings.every(({ response }) => response.status === 200)).toBe(true);
    const answer = await server.call('/events');
    expect([answer.status, answer.body.detail]).toEqual([
      503,
      expect.stringMatching(/500 readers/),
    ]);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    readings[0]!.leave();
    await until('one has left', () => events.readerCount === 499);
    expect((await open()).response.status).toBe(200);
  });

  it('ends its streams with the server, at once', async () => {
    const feed = new FakeFeed();
    events.feed('events', feed);
    await Promise.all(Array.from({ length: 100 }, () => open('?topics=events&about=edge')));
    const closing = server.close();
    const inTime = await Promise.race([closing.then(() => true), delay(5_000, false)]);
    expect(inTime).toBe(true);
    await until('every reader knows', () => readings.every(({ end }) => end !== null), 2_000);
    expect(readings.filter(({ end }) => end === 'cut off')).toEqual([]);
    expect(feed.calls).toEqual(['open edge', 'close edge']);
    await server.open();
    events = server.get(EdgeEvents);
  });

  it('is no stream for who asks for its head alone', async () => {
    const { status } = await server.fetch('/api/v1/events', {
      method: 'HEAD',
      headers: server.authorization,
    });
    expect([status, events.readerCount]).toEqual([200, 0]);
  });

  it('is closed to those without the token', async () => {
    expect((await fetch(`${server.url}/api/v1/events`)).status).toBe(401);
  });
});
