import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { MachineEvents, MachineService } from '@gopher/machine';
import { toMachineStatusView } from '../machine/machine.schema.js';
import { ProbeEvents } from '../probe/probe-events.js';
import { EdgeEvents } from './edge-events.js';

/** Changes of one machine within this time are told as one. */
const STATUS_PAUSE_MS = 200;

/** Publishes what becomes of machines and tunnels. */
@Injectable()
export class EventSources implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly due = new Map<string, NodeJS.Timeout>();
  private readonly subscriptions: Subscription[] = [];

  constructor(
    private readonly events: EdgeEvents,
    private readonly machineEvents: MachineEvents,
    private readonly machines: MachineService,
    private readonly probes: ProbeEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.machineEvents.changed.subscribe(({ machineId }) => this.statusSoon(machineId)),
      this.machineEvents.agentStatus.subscribe((change) =>
        this.events.publish('events', change.machineId, 'agent-status', change),
      ),
      this.machineEvents.removed.subscribe(({ machineId }) => {
        this.cancel(machineId);
        this.events.removed(machineId);
      }),
      this.probes.changed.subscribe(({ tunnelId, machineId, verdict }) => {
        const change = { tunnelId, machineId, ...verdict };
        this.events.publish('events', machineId, 'tunnel-state', change);
        this.statusSoon(machineId);
      }),
    );
  }

  onApplicationShutdown(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    for (const machineId of [...this.due.keys()]) this.cancel(machineId);
  }

  private statusSoon(machineId: string): void {
    if (this.due.has(machineId)) return;
    const timer = setTimeout(() => {
      this.due.delete(machineId);
      void this.publishStatus(machineId);
    }, STATUS_PAUSE_MS);
    this.due.set(machineId, timer);
  }

  private cancel(machineId: string): void {
    clearTimeout(this.due.get(machineId));
    this.due.delete(machineId);
  }

  private async publishStatus(machineId: string): Promise<void> {
    try {
      const status = toMachineStatusView(await this.machines.status(machineId));
      this.events.publish('status', machineId, 'machine-status', status);
    } catch {
      // The machine is gone, or the database is: the next change tells more.
    }
  }
}
