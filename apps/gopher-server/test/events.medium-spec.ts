import { EdgeEvents } from '../src/event/edge-events.js';
import { TestingServer } from './testing-server.js';

interface Event {
  id: string;
  type: string;
  data: { n: number };
}

describe('/api/v1/events', () => {
  let server: TestingServer;

  beforeEach(async () => {
    server = await TestingServer.start();
  });
  afterEach(() => server.stop());

  const publish = (...numbers: number[]) => {
    for (const n of numbers) server.get(EdgeEvents).publish('events', 'edge', 'test', { n });
  };

  /** Reads until `count` events came, and goes. */
  async function read(count: number, lastEventId?: string): Promise<Event[]> {
    const abort = new AbortController();
    const response = await fetch(`${server.url}/api/v1/events`, {
      headers: {
        ...server.authorization,
        ...(lastEventId ? { 'last-event-id': lastEventId } : {}),
      },
      signal: abort.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const events = parse(text);
      if (events.length < count) continue;
      abort.abort();
      return events;
    }
    throw new Error(`The stream ended:\n${text}`);
  }

  it('tells a reader who comes back what it missed, in order, once', async () => {
    publish(0);
    const reading = read(3, 'an id that nobody handed out');
    publish(1, 2);
    const [, second] = await reading;
    publish(3, 4);
    const missed = await read(3, second!.id);
    expect(missed.map(({ data }) => data.n)).toEqual([2, 3, 4]);
  });

  it('tells all it knows to a reader who comes back after the server was started again', async () => {
    publish(0, 1, 2, 3, 4);
    const [, , , , last] = await read(5, 'before everything');
    await server.restart();
    publish(10, 11);
    const events = await read(2, last!.id);
    expect(events.map(({ data }) => data.n)).toEqual([10, 11]);
  });

  it('is closed to those without the token', async () => {
    expect((await fetch(`${server.url}/api/v1/events`)).status).toBe(401);
  });
});

function parse(text: string): Event[] {
  return text
    .split('\n\n')
    .slice(0, -1)
    .map((block) => {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1] ?? '';
      return { id: field('id'), type: field('event'), data: field('data') };
    })
    .filter(({ type }) => type === 'test')
    .map((event) => ({ ...event, data: JSON.parse(event.data) as { n: number } }));
}
