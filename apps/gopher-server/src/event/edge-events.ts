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

/** How many past events a reader who comes back can still have. */
const REMEMBERED = 1_000;
const HEARTBEAT_MS = 15_000;
/** Changes of one machine within this time are told as one. */
const STATUS_PAUSE_MS = 200;

interface EdgeEvent {
  id: number;
  type: string;
  data: object;
}

/** What happens at this edge, in order, for dashboards. */
@Injectable()
export class EdgeEvents implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly live = new Subject<EdgeEvent>();
  private readonly past: EdgeEvent[] = [];
  private readonly due = new Map<string, NodeJS.Timeout>();
  private readonly subscriptions: Subscription[] = [];
  private lastId = 0;

  constructor(
    private readonly machineEvents: MachineEvents,
    private readonly machines: MachineService,
    private readonly prober: TunnelProber,
  ) {}

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.machineEvents.changed.subscribe(({ machineId }) => this.statusSoon(machineId)),
      this.machineEvents.agentStatus.subscribe((change) => this.publish('agent-status', change)),
      this.prober.changed.subscribe(({ tunnelId, machineId, verdict }) => {
        this.publish('tunnel-state', { tunnelId, machineId, ...verdict });
        this.statusSoon(machineId);
      }),
    );
  }

  onApplicationShutdown(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    for (const timer of this.due.values()) clearTimeout(timer);
    this.live.complete();
  }

  /** Everything after `lastEventId` that is still known, then what happens, with a heartbeat. */
  after(lastEventId: string | undefined): Observable<MessageEvent> {
    const last = /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : this.lastId;
    const missed = this.past.filter(({ id }) => id > last);
    const events = merge(from(missed), this.live.pipe(filter(({ id }) => id > last)));
    return merge(
      events.pipe(map(({ id, type, data }): MessageEvent => ({ id: String(id), type, data }))),
      interval(HEARTBEAT_MS).pipe(map((): MessageEvent => ({ type: 'heartbeat', data: {} }))),
    );
  }

  publish(type: string, data: object): void {
    const event = { id: ++this.lastId, type, data };
    this.past.push(event);
    if (this.past.length > REMEMBERED) this.past.shift();
    this.live.next(event);
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
      this.publish('machine-status', toMachineStatusView(await this.machines.status(machineId)));
    } catch {
      // The machine is gone, or the database is: the next change tells more.
    }
  }
}
