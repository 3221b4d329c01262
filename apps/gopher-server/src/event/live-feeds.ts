import { Logger } from '@nestjs/common';
import type { Interest } from './edge-event.js';
import type { About, LiveFeed, Topic } from './topics.js';

/** A reader who comes back at once finds it still open. */
const LINGER_MS = 5_000;

interface Watched {
  readers: number;
  /** null: it could not be opened. */
  close: (() => void) | null;
  lingering: NodeJS.Timeout | undefined;
}

/** Opens each feed when the first reader of something comes, and closes it when the last has left. */
export class LiveFeeds {
  private readonly logger = new Logger(LiveFeeds.name);
  private readonly feeds = new Map<Topic, LiveFeed>();
  private readonly watched = new Map<string, Watched>();

  add(topic: Topic, feed: LiveFeed): void {
    this.feeds.set(topic, feed);
  }

  /** @returns to be called once, when this reader leaves */
  watch({ topics, about }: Interest): () => void {
    const left: (() => void)[] = [];
    for (const topic of topics) {
      const feed = this.feeds.get(topic);
      if (feed) for (const one of about) left.push(this.enter(keyOf(topic, one), feed, one));
    }
    return () => {
      for (const leave of left) leave();
    };
  }

  /** There is no such machine any more. */
  forget(about: About): void {
    for (const topic of this.feeds.keys()) this.close(keyOf(topic, about));
  }

  closeAll(): void {
    for (const key of [...this.watched.keys()]) this.close(key);
  }

  private enter(key: string, feed: LiveFeed, about: About): () => void {
    const watched = this.watched.get(key) ?? { readers: 0, close: null, lingering: undefined };
    this.watched.set(key, watched);
    clearTimeout(watched.lingering);
    watched.readers += 1;
    // One that could not be opened is tried again for the next reader.
    watched.close ??= this.safely(key, () => feed.open(about)) ?? null;
    return () => this.leave(key, watched);
  }

  private leave(key: string, watched: Watched): void {
    watched.readers -= 1;
    if (watched.readers > 0 || this.watched.get(key) !== watched) return;
    watched.lingering = setTimeout(() => this.close(key), LINGER_MS);
  }

  private close(key: string): void {
    const watched = this.watched.get(key);
    if (!watched) return;
    this.watched.delete(key);
    clearTimeout(watched.lingering);
    if (watched.close) this.safely(key, watched.close);
  }

  /** What is wrong with a feed is not its readers' concern. */
  private safely<T>(key: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.logger.error(`The feed ${key} failed: ${String(error)}`);
      return undefined;
    }
  }
}

const keyOf = (topic: Topic, about: About): string => `${topic} of ${about}`;
