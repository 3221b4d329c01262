import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { LogBatch, LogQuery } from '@gopher/log';
import { EdgeEvents } from '../event/edge-events.js';
import type { About, LiveFeed } from '../event/topics.js';
import { toLogEntryView } from './log.schema.js';
import { LogService } from './log.service.js';
import { EDGE_LOGS, MACHINE_LOGS } from './log-source.js';

/** Events are for a look; whoever wants all follows the logs themselves. */
const MAX_PER_SECOND = 200;
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 30_000;

/** Publishes what is logged about those whose logs somebody reads among the events. */
@Injectable()
export class LogFeed implements LiveFeed, OnApplicationBootstrap {
  constructor(
    private readonly logs: LogService,
    private readonly events: EdgeEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.events.feed('logs', this);
  }

  open(about: About): () => void {
    const closed = new AbortController();
    void this.follow(about, closed.signal);
    return () => closed.abort();
  }

  /** Never fails: logs that can not be had now are asked for again. */
  private async follow(about: About, signal: AbortSignal): Promise<void> {
    const rate = new Rate(MAX_PER_SECOND);
    for (let retryMs = FIRST_RETRY_MS; !signal.aborted;) {
      try {
        for await (const batch of this.read(about, signal)) {
          retryMs = FIRST_RETRY_MS;
          this.publish(about, batch, rate);
        }
      } catch {
        // The machine is away, or gone: its status says so.
      }
      await delay(retryMs, undefined, { signal }).catch(() => {});
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  }

  private read(about: About, signal: AbortSignal): AsyncGenerator<LogBatch> {
    const fresh = {
      tail: 0,
      follow: true,
      since: null,
      leastLevel: 'debug',
      contains: '',
    } as const;
    const query = <Source extends string>(sources: readonly Source[]): LogQuery<Source> => ({
      ...fresh,
      sources,
    });
    if (about === 'edge') return this.logs.ofEdge(query(EDGE_LOGS), signal);
    return this.logs.ofMachine(about, query(MACHINE_LOGS), signal);
  }

  private publish(about: About, { entries, dropped }: LogBatch, rate: Rate): void {
    const room = rate.take(entries.length);
    const left = dropped + entries.length - room;
    if (left > 0) this.events.publish('logs', about, 'log-dropped', { count: left });
    // The newest, as everywhere.
    for (const entry of room > 0 ? entries.slice(-room) : []) {
      this.events.publish('logs', about, 'log', toLogEntryView(entry));
    }
  }
}

/** So many in each second. */
class Rate {
  private second = 0;
  private left = 0;

  constructor(private readonly perSecond: number) {}

  /** How many of `wanted` may pass now. */
  take(wanted: number): number {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.second) this.left = this.perSecond;
    this.second = second;
    const taken = Math.min(wanted, this.left);
    this.left -= taken;
    return taken;
  }
}
