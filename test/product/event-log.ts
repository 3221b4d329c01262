import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { TestEdge } from './test-edge.js';

export interface EdgeEvent<T = Record<string, unknown>> {
  type: string;
  data: T;
}

/** Everything that the edge tells on /api/v1/events from `open` on. */
export class EventLog {
  readonly events: EdgeEvent[] = [];

  private constructor(private readonly response: IncomingMessage) {
    void this.read();
  }

  /** @param query with its question mark */
  static async open(edge: TestEdge, query = ''): Promise<EventLog> {
    const headers = { authorization: `Bearer ${edge.token}`, accept: 'text/event-stream' };
    const request = get(`${edge.url}/api/v1/events${query}`, { agent: false, headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`/events answered ${response.statusCode}`);
    return new EventLog(response);
  }

  of<T>(type: string): T[] {
    return this.events.filter((event) => event.type === type).map(({ data }) => data as T);
  }

  close(): void {
    this.response.destroy();
  }

  private async read(): Promise<void> {
    let type = 'message';
    try {
      for await (const line of createInterface({ input: this.response })) {
        if (line.startsWith('event: ')) type = line.slice(7);
        if (!line.startsWith('data: ')) continue;
        this.events.push({ type, data: JSON.parse(line.slice(6)) as EdgeEvent['data'] });
      }
    } catch {
      // The edge ended, or this log was closed: what was told stays.
    }
  }
}
