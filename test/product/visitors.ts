import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { until } from './until.js';

const PAUSE_MS = 10;
const PATIENCE_MS = 15_000;

/** One request on a connection of its own; resolves with the body. */
export async function visit(address: string, timeoutMs = PATIENCE_MS): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  const request = get(`http://${address}/`, { agent: false, signal });
  const [response] = (await once(request, 'response', { signal })) as [IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk as string;
  return body;
}

/** Resolves as soon as a visitor gets `body`; hung visitors give up quickly and come again. */
export async function untilServes(address: string, body: string, timeoutMs: number): Promise<void> {
  await until(`${address} serves`, async () => (await visit(address, 500)) === body, timeoutMs);
}

export interface Visits {
  served: number;
  /** What went wrong and when, in ms after the first visit. */
  failures: string[];
  longestMs: number;
}

/** Visitors who come without a pause, each request on a connection of its own. */
export class Visitors {
  private readonly visits: Visits = { served: 0, failures: [], longestMs: 0 };
  private readonly startedAt = performance.now();
  private readonly done: Promise<unknown>;
  private ended = false;

  constructor(
    private readonly address: string,
    private readonly body: string,
    atOnce = 2,
  ) {
    this.done = Promise.all(Array.from({ length: atOnce }, () => this.keepComing()));
  }

  get served(): number {
    return this.visits.served;
  }

  async end(): Promise<Visits> {
    this.ended = true;
    await this.done;
    return this.visits;
  }

  private async keepComing(): Promise<void> {
    while (!this.ended) {
      await this.come();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  private async come(): Promise<void> {
    const began = performance.now();
    const { visits } = this;
    try {
      const body = await visit(this.address);
      if (body !== this.body) throw new Error(`got ${JSON.stringify(body)}`);
      visits.served += 1;
    } catch (error) {
      visits.failures.push(`${Math.round(began - this.startedAt)} ms: ${String(error)}`);
    }
    visits.longestMs = Math.max(visits.longestMs, performance.now() - began);
  }
}

/** A download from `HttpTarget` that goes on until the target ends it. */
export class Download {
  bytes = 0;
  private readonly hash = createHash('sha256');
  /** SHA-256 of everything, once it ended; rejects when it broke off. */
  readonly sha256: Promise<string>;

  constructor(address: string) {
    this.sha256 = this.read(address);
    this.sha256.catch(() => {}); // who waits for it hears of it
  }

  private async read(address: string): Promise<string> {
    const request = get(`http://${address}/stream`, { agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    for await (const chunk of response as AsyncIterable<Buffer>) {
      this.bytes += chunk.length;
      this.hash.update(chunk);
    }
    return this.hash.digest('hex');
  }
}
