import type { Interest } from './edge-event.js';
import { LiveFeeds } from './live-feeds.js';
import type { About, LiveFeed } from './topics.js';

const metricsOf = (...about: About[]): Interest => ({
  topics: new Set(['metrics'] as const),
  about: new Set(about),
});

/** Says what was opened and closed, in order. */
class FakeFeed implements LiveFeed {
  readonly calls: string[] = [];
  problem: Error | null = null;

  open(about: About): () => void {
    this.calls.push(`open ${about}`);
    if (this.problem) throw this.problem;
    return () => {
      this.calls.push(`close ${about}`);
      if (this.problem) throw this.problem;
    };
  }
}

describe(LiveFeeds.name, () => {
  let feeds: LiveFeeds;
  let feed: FakeFeed;

  beforeEach(() => {
    vi.useFakeTimers();
    feeds = new LiveFeeds();
    feed = new FakeFeed();
    feeds.add('metrics', feed);
  });
  afterEach(() => vi.useRealTimers());

  it('opens with the first reader and closes some seconds after the last has left', () => {
    const first = feeds.watch(metricsOf('a'));
    const second = feeds.watch(metricsOf('a', 'b'));
    expect(feed.calls).toEqual(['open a', 'open b']);
    first();
    vi.advanceTimersByTime(60_000);
    expect(feed.calls).toHaveLength(2);
    second();
    vi.advanceTimersByTime(4_900);
    expect(feed.calls).toHaveLength(2);
    vi.advanceTimersByTime(200);
    expect(feed.calls.slice(2)).toEqual(['close a', 'close b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stays open for a reader who comes back', () => {
    for (let i = 0; i < 5; i += 1) {
      const leave = feeds.watch(metricsOf('a'));
      leave();
      vi.advanceTimersByTime(3_000);
    }
    expect(feed.calls).toEqual(['open a']);
  });

  it('has nothing to open for a topic without a feed, or for everything', () => {
    feeds.watch({ topics: new Set(['logs', 'events'] as const), about: new Set(['a']) })();
    feeds.watch(metricsOf())();
    expect([feed.calls, vi.getTimerCount()]).toEqual([[], 0]);
  });

  it('bears a feed that throws, and tries it again for the next reader', () => {
    feed.problem = new Error('broken');
    const first = feeds.watch(metricsOf('a'));
    feed.problem = null;
    const second = feeds.watch(metricsOf('a'));
    expect(feed.calls).toEqual(['open a', 'open a']);
    feed.problem = new Error('broken again');
    first();
    second();
    vi.advanceTimersByTime(5_100);
    expect(feed.calls).toEqual(['open a', 'open a', 'close a']);
  });

  it('closes what is about a machine that is gone, and never twice', () => {
    const leave = feeds.watch(metricsOf('a', 'b'));
    feeds.forget('a');
    expect(feed.calls).toEqual(['open a', 'open b', 'close a']);
    leave();
    feeds.closeAll();
    expect(feed.calls).toEqual(['open a', 'open b', 'close a', 'close b']);
    vi.advanceTimersByTime(60_000);
    expect(feed.calls).toHaveLength(4);
  });
});
