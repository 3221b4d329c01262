import { Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import type { MachineStatus } from '@gopher/proto';
import { MachineStatusService } from './machine-status.service.js';
import { RatholeObserver } from './rathole-observer.js';

/** Nobody tells of a lost connection or a frozen process, so someone has to look. */
const LOOK_EVERY_MS = 2_000;
const DEFAULT_HEARTBEAT_MS = 5_000;
const SHORTEST_HEARTBEAT_MS = 1_000;
const LONGEST_HEARTBEAT_MS = 60_000;

/** Tells those who watch of every change, at once. */
@Injectable()
export class StatusWatch {
  private readonly watchers = new Set<() => void>();
  private known = '';
  private endWatching: (() => void) | null = null;

  constructor(
    private readonly statuses: MachineStatusService,
    private readonly rathole: RatholeObserver,
  ) {}

  /** The status now, on every change, and at the latest after each heartbeat. */
  watch(heartbeatMs: number): Observable<MachineStatus> {
    return new Observable((out) => {
      const send = () => {
        out.next(this.statuses.observe());
        heartbeat.refresh();
      };
      const heartbeat = setTimeout(send, clampHeartbeat(heartbeatMs));
      this.add(send);
      send();
      return () => {
        clearTimeout(heartbeat);
        this.remove(send);
      };
    });
  }

  private add(send: () => void): void {
    if (this.watchers.size === 0) this.begin();
    this.watchers.add(send);
  }

  private remove(send: () => void): void {
    this.watchers.delete(send);
    if (this.watchers.size > 0) return;
    this.endWatching?.();
    this.endWatching = null;
  }

  private begin(): void {
    this.known = this.fingerprint();
    const look = () => this.look();
    const endEvents = this.rathole.onChange(look);
    const timer = setInterval(look, LOOK_EVERY_MS);
    this.endWatching = () => {
      endEvents();
      clearInterval(timer);
    };
  }

  private look(): void {
    const now = this.fingerprint();
    if (now === this.known) return;
    this.known = now;
    for (const send of this.watchers) send();
  }

  /** Numbers that always move, like the load, are no change. */
  private fingerprint(): string {
    const { config, ...observed } = this.rathole.observe();
    const { drifted, detail, found } = config;
    // The whole text is told by its number and its SHA-256.
    const { toml: _good, trial, reverted, ...kept } = config.config;
    const onTrial = trial && [trial.revision, trial.sha256];
    return JSON.stringify({ ...observed, drifted, detail, ...kept, onTrial, reverted, found });
  }
}

function clampHeartbeat(wanted: number): number {
  const chosen = wanted === 0 ? DEFAULT_HEARTBEAT_MS : wanted;
  return Math.min(Math.max(chosen, SHORTEST_HEARTBEAT_MS), LONGEST_HEARTBEAT_MS);
}
