import { type ClientLogEvent, readClientLogLine } from './client-log-event.js';
import { TrackedChannel, type TrackedService } from './tracked-channel.js';

/** rathole's threads write the first lines of a start in any order; they are milliseconds apart. */
const START_SCATTER_MS = 1_000;
const MAX_REMOVED = 100;

/**
 * Knows from the log of one rathole client which services have a control channel now. It says what
 * rathole knows, and a frozen or killed process writes nothing: say `processEnded` when it is gone.
 */
export class ServiceTracker {
  private readonly tracked = new Map<string, TrackedChannel>();
  private refused: { at: Date; reason: string } | null = null;
  private readWithoutComplaint = false;
  private reads = 0;

  /** One line without its end. True when something was learned from it. */
  consume(line: string): boolean {
    const event = readClientLogLine(line);
    if (event) this.apply(event);
    return event !== null;
  }

  /** Nothing is established any more. */
  processEnded(): void {
    this.tracked.clear();
    this.refused = null;
    this.readWithoutComplaint = false;
  }

  service(name: string): TrackedService | null {
    const channel = this.tracked.get(name);
    return channel?.wanted ? channel.view() : null;
  }

  /** All that rathole is running now, sorted by name. */
  services(): TrackedService[] {
    return [...this.tracked.values()]
      .filter(({ wanted }) => wanted)
      .map((channel) => channel.view())
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Why rathole ignored the file when it last read it; null when it took it. */
  configRefusal(): { at: Date; reason: string } | null {
    return this.refused;
  }

  /** How often rathole said that it reads the changed file; only ever more. */
  configReads(): number {
    return this.reads;
  }

  private apply(event: ClientLogEvent): void {
    switch (event.kind) {
      case 'process-started':
        return this.processStarted(event.at);
      case 'process-ending':
        return this.processEnded();
      case 'instance-restarting':
        for (const channel of this.tracked.values()) channel.remove();
        return;
      case 'config-read':
        return this.configRead();
      case 'config-refused':
        this.refused = { at: event.at, reason: event.reason };
        this.readWithoutComplaint = false;
        return;
      case 'channel-shut-down':
        this.tracked.get(event.service)?.apply(event);
        return;
      case 'service-removed':
        this.tracked.get(event.service)?.apply(event);
        return this.forgetOldest();
      default:
        this.channel(event.service, event.at).apply(event);
    }
  }

  /** A removed service is remembered for the last words of its task, but not for ever. */
  private forgetOldest(): void {
    const removed = [...this.tracked].filter(([, { wanted }]) => !wanted);
    for (const [name] of removed.slice(0, -MAX_REMOVED)) this.tracked.delete(name);
  }

  /** It reads twice for every rename, and says nothing of a file that it takes without a change. */
  private configRead(): void {
    this.reads += 1;
    if (this.readWithoutComplaint) this.refused = null;
    this.readWithoutComplaint = true;
  }

  private processStarted(at: Date): void {
    this.refused = null;
    this.readWithoutComplaint = false;
    for (const [name, channel] of this.tracked) {
      if (at.getTime() - channel.startedAt.getTime() > START_SCATTER_MS) this.tracked.delete(name);
      else channel.forgetPredecessors();
    }
  }

  /** A log may be read from its middle: a service that speaks is there. */
  private channel(name: string, at: Date): TrackedChannel {
    const channel = this.tracked.get(name) ?? new TrackedChannel(name, at);
    this.tracked.set(name, channel);
    return channel;
  }
}
