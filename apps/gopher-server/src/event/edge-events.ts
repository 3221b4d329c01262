import { randomBytes } from 'node:crypto';
import {
  Injectable,
  type MessageEvent,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import {
  filter,
  from,
  interval,
  map,
  merge,
  type Observable,
  Subject,
  type Subscription,
} from 'rxjs';
import { MachineEvents, MachineService } from '@gopher/machine';
import { toMachineStatusView } from '../machine/machine.schema.js';
import { TunnelProber } from '../probe/tunnel-prober.js';
import type { About, LiveFeed, Topic } from './topics.js';

/** How many past events a reader who comes back can still have. */
const REMEMBERED = 1_000;
const HEARTBEAT_MS = 15_000;
/** Changes of one machine within this time are told as one. */
const STATUS_PAUSE_MS = 200;

interface EdgeEvent {
  /** Counts from 1 in each run of the server. */
  number: number;
  topic: Topic;
  about: About;
  type: string;
  data: object;
}

/** What happens at this edge, in order, for dashboards. */
@Injectable()
export class EdgeEvents implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly live = new Subject<EdgeEvent>();
  private readonly past: EdgeEvent[] = [];
  private readonly feeds = new Map<Topic, LiveFeed>();
  private readonly due = new Map<string, NodeJS.Timeout>();
  private readonly subscriptions: Subscription[] = [];
  private readonly run = randomBytes(4).toString('hex');
  private lastNumber = 0;

  constructor(
    private readonly machineEvents: MachineEvents,
    private readonly machines: MachineService,
    private readonly prober: TunnelProber,
  ) {}

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.machineEvents.changed.subscribe(({ machineId }) => this.statusSoon(machineId)),
      this.machineEvents.agentStatus.subscribe((change) =>
        this.publish('events', change.machineId, 'agent-status', change),
      ),
      this.prober.changed.subscribe(({ tunnelId, machineId, verdict }) => {
        this.publish('events', machineId, 'tunnel-state', { tunnelId, machineId, ...verdict });
        this.statusSoon(machineId);
      }),
    );
  }

  onApplicationShutdown(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    for (const timer of this.due.values()) clearTimeout(timer);
    this.live.complete();
  }

  /**
   * Everything after `lastEventId` that is still known, then what happens, with a heartbeat. After an
   * id of an earlier run all that is known is new.
   */
  after(lastEventId: string | undefined): Observable<MessageEvent> {
    const last = this.numberOf(lastEventId);
    const missed = this.past.filter(({ number }) => number > last);
    const events = merge(from(missed), this.live.pipe(filter(({ number }) => number > last)));
    return merge(
      events.pipe(
        map(({ number, type, data }): MessageEvent => ({
          id: `${this.run}-${number}`,
          type,
          data,
        })),
      ),
      interval(HEARTBEAT_MS).pipe(map((): MessageEvent => ({ type: 'heartbeat', data: {} }))),
    );
  }

  /** Has `feed` told who reads `topic`. One feed a topic. */
  feed(topic: Topic, feed: LiveFeed): void {
    this.feeds.set(topic, feed);
  }

  publish(topic: Topic, about: About, type: string, data: object): void {
    const event = { number: ++this.lastNumber, topic, about, type, data };
    this.past.push(event);
    if (this.past.length > REMEMBERED) this.past.shift();
    this.live.next(event);
  }

  private numberOf(lastEventId: string | undefined): number {
    if (!lastEventId) return this.lastNumber;
    const [, run, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(lastEventId) ?? [];
    return run === this.run ? Math.min(Number(number), this.lastNumber) : 0;
  }

  private statusSoon(machineId: string): void {
    if (this.due.has(machineId)) return;
    const timer = setTimeout(() => {
      this.due.delete(machineId);
      void this.publishStatus(machineId);
    }, STATUS_PAUSE_MS);
    this.due.set(machineId, timer);
  }

  private async publishStatus(machineId: string): Promise<void> {
    try {
      const status = toMachineStatusView(await this.machines.status(machineId));
      this.publish('status', machineId, 'machine-status', status);
    } catch {
      // The machine is gone, or the database is: the next change tells more.
    }
  }
}
