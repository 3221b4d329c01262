import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { TestEdge } from './test-edge.js';
import { until } from './until.js';

export interface LogEntryView {
  at: string | null;
  source: string;
  level: string;
  text: string;
  cut: boolean;
}

/** Somebody who follows logs over HTTP. */
export class LogFollower {
  readonly entries: LogEntryView[] = [];
  dropped = 0;
  caughtUp = false;
  ended: string | null = null;
  private rest = '';

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.take(text));
    response.on('error', () => {}); // it was closed, or the edge ended
  }

  /**
   * Resolves when it has all that was there, unless `begin` has it wait.
   * @param path e.g. "/edge/logs/follow?tail=0"
   */
  static async open(
    edge: TestEdge,
    path: string,
    begin: (follower: LogFollower) => void = () => {},
  ): Promise<LogFollower> {
    const headers = { authorization: `Bearer ${edge.token}`, accept: 'text/event-stream' };
    const request = get(`${edge.url}/api/v1${path}`, { agent: false, headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}`);
    const follower = new LogFollower(response);
    begin(follower);
    if (!response.isPaused()) {
      await follower.until('everything that was there', () => follower.caughtUp);
    }
    return follower;
  }

  get texts(): string[] {
    return this.entries.map(({ text }) => text);
  }

  until(what: string, isSo: () => boolean, timeoutMs?: number): Promise<boolean> {
    return until(what, isSo, timeoutMs);
  }

  /** Takes no more until `resume`. */
  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  close(): void {
    this.response.destroy();
  }

  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    for (const block of blocks) this.event(block);
  }

  private event(block: string): void {
    const [, type] = /^event: (.*)$/m.exec(block) ?? [];
    const [, data = '{}'] = /^data: (.*)$/m.exec(block) ?? [];
    if (type === 'log') this.entries.push(JSON.parse(data) as LogEntryView);
    if (type === 'log-dropped') this.dropped += (JSON.parse(data) as { count: number }).count;
    if (type === 'caught-up') this.caughtUp = true;
    if (type === 'log-ended') this.ended = (JSON.parse(data) as { reason: string }).reason;
  }
}
