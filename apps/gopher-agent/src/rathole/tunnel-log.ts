import { statSync } from 'node:fs';
import { LogTail } from '@gopher/log';
import { parseRatholeLogLine, ServiceTracker, type TrackedService } from '@gopher/rathole';
import type { RatholeClients } from './rathole-clients.js';

const MAX_COMPLAINTS = 4;
const MAX_COMPLAINT_CHARS = 300;

/** One that was just brought by a push is on its way, and not down. */
const COMES_UP_WITHIN_MS = 5_000;

export interface DownTunnel {
  name: string;
  /** In rathole's words; null: it says nothing. */
  why: string | null;
}

/** Which services of the data client are established, as far as its own log tells. */
export class TunnelLog {
  private readonly tracker = new ServiceTracker();
  private readonly listeners = new Set<() => void>();
  private readonly tail: LogTail;
  private pid: number | null = null;
  /** False for a process that a person started: it writes elsewhere, and nothing is known of it. */
  private isOurs = false;
  /** Part of the log was cut away: a service that it does not name may be established since. */
  private isCut = false;
  /** The last ones; `complaintCount` counts those that were dropped, too. */
  private complaints: string[] = [];
  complaintCount = 0;

  constructor(private readonly clients: RatholeClients) {
    const onLine = (line: string) => this.consume(line);
    const onSkip = () => (this.isCut = true);
    this.tail = new LogTail(this.path, { onLine, onSkip, onRead: () => this.notify() });
    const older = new LogTail(`${this.path}.1`, {
      onLine: (line) => {
        this.isCut = true;
        onLine(line);
      },
    });
    older.read();
    older.close();
    this.tail.read();
    clients.onChange((name) => {
      if (name === 'data') this.processChanged();
    });
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** A look of its own: the kernel may have dropped the watch. */
  look(): void {
    this.tail.read();
  }

  /** How many of these services are established, given that the data client is connected. */
  established(names: readonly string[]): number {
    return names.filter((name) => this.isEstablished(name)).length;
  }

  /** Those of them that should have come up by now and did not, as far as the log tells. */
  down(names: readonly string[]): DownTunnel[] {
    if (!this.isOurs) return [];
    const latest = Date.now() - COMES_UP_WITHIN_MS;
    return names.flatMap((name) => {
      const tracked = this.tracker.service(name);
      if (!tracked || tracked.state === 'established') return [];
      const { problem: why, startedAt } = tracked;
      return why !== null || startedAt.getTime() < latest ? [{ name, why }] : [];
    });
  }

  /** What rathole says is wrong: that it refused the file, or why it cannot connect. */
  problem(): string {
    if (!this.isOurs) return '';
    const refusal = this.tracker.configRefusal();
    if (refusal) return `rathole refused its configuration: ${refusal.reason}`;
    return this.tracker.services().find(({ problem }) => problem !== null)?.problem ?? '';
  }

  /** Whether the client that runs writes into this log. */
  get isTold(): boolean {
    return this.isOurs;
  }

  /** How often rathole read its file after it began. */
  get reads(): number {
    return this.tracker.configReads();
  }

  services(): TrackedService[] {
    return this.tracker.services();
  }

  refusal(): { at: Date; reason: string } | null {
    return this.tracker.configRefusal();
  }

  /** What it said in trouble after the first `count` complaints, as far as it is remembered. */
  complaintsSince(count: number): string[] {
    const newOnes = this.complaintCount - count;
    return newOnes > 0 ? this.complaints.slice(-newOnes) : [];
  }

  close(): void {
    this.tail.close();
  }

  private consume(line: string): void {
    this.tracker.consume(line);
    const parsed = parseRatholeLogLine(line);
    // A panic is no line of its log: it comes as it is.
    if (parsed?.level === 'INFO') return;
    const words = (parsed?.message ?? line).trim().slice(0, MAX_COMPLAINT_CHARS);
    if (words === '') return;
    this.complaintCount += 1;
    this.complaints = [...this.complaints, words].slice(-MAX_COMPLAINTS);
  }

  private get path(): string {
    return this.clients.logFile('data');
  }

  private isEstablished(name: string): boolean {
    const tracked = this.isOurs ? this.tracker.service(name) : null;
    return tracked ? tracked.state === 'established' : !this.isOurs || this.isCut;
  }

  private processChanged(): void {
    const pid = this.clients.status('data')?.pid ?? null;
    if (pid === this.pid) return;
    this.pid = pid;
    // What a process wrote before it ended must be read before it is forgotten.
    this.tail.read();
    if (pid === null) {
      this.tracker.processEnded();
      this.isCut = false;
    } else {
      this.isOurs = writesTo(pid, this.path);
    }
    this.notify();
  }

  private notify(): void {
    for (const listener of this.listeners) listener();
  }
}

function writesTo(pid: number, path: string): boolean {
  try {
    return statSync(`/proc/${pid}/fd/1`).ino === statSync(path).ino;
  } catch {
    return false;
  }
}
