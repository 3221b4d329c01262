import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { HostMetrics, HostSample } from '@gopher/machine';
import type { About } from '../event/topics.js';
import { withRates } from './rates.js';

/** The newest sample of each machine and of the edge. Whoever measures hands its samples in here. */
@Injectable()
export class MetricBoard {
  /** Every sample, as it comes. */
  readonly sampled = new Subject<{ about: About; metrics: HostMetrics }>();
  private readonly newest = new Map<About, HostMetrics>();
  private readonly problems = new Map<About, string>();

  record(about: About, sample: HostSample): void {
    const metrics = withRates(this.newest.get(about) ?? null, sample);
    this.newest.set(about, metrics);
    this.problems.delete(about);
    this.sampled.next({ about, metrics });
  }

  /** null: none yet. */
  get(about: About): HostMetrics | null {
    return this.newest.get(about) ?? null;
  }

  /** Why there are no new samples; null: nothing is known against it. */
  problem(about: About): string | null {
    return this.problems.get(about) ?? null;
  }

  noteProblem(about: About, problem: string): void {
    this.problems.set(about, problem);
  }

  forget(about: About): void {
    this.newest.delete(about);
    this.problems.delete(about);
  }
}
