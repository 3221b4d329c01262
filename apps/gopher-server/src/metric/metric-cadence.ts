import { Injectable } from '@nestjs/common';
import type { About, LiveFeed } from '../event/topics.js';

/** While somebody reads it. */
const FINE_MS = 1_000;
const COARSE_MS = 15_000;

/** How often each machine, and the edge, is measured. */
@Injectable()
export class MetricCadence implements LiveFeed {
  private readonly readers = new Map<About, number>();
  private readonly listeners = new Map<About, Set<() => void>>();

  open(about: About): () => void {
    this.change(about, 1);
    let isOpen = true;
    return () => {
      if (isOpen) this.change(about, -1);
      isOpen = false;
    };
  }

  intervalMs(about: About): number {
    return this.readers.has(about) ? FINE_MS : COARSE_MS;
  }

  /** Calls when the interval has changed. Returns what ends that. */
  onChange(about: About, listener: () => void): () => void {
    const all = this.listeners.get(about) ?? new Set();
    this.listeners.set(about, all.add(listener));
    return () => {
      all.delete(listener);
      if (all.size === 0) this.listeners.delete(about);
    };
  }

  private change(about: About, by: number): void {
    const before = this.intervalMs(about);
    const readers = (this.readers.get(about) ?? 0) + by;
    if (readers > 0) this.readers.set(about, readers);
    else this.readers.delete(about);
    if (this.intervalMs(about) === before) return;
    for (const listener of [...(this.listeners.get(about) ?? [])]) listener();
  }
}
