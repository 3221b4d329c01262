import type { ClientLogEvent } from './client-log-event.js';

export const CHANNEL_STATES = ['connecting', 'established', 'retrying'] as const;
export type ChannelState = (typeof CHANNEL_STATES)[number];

export interface TrackedService {
  name: string;
  state: ChannelState;
  /** When rathole took up the service as it is configured now. */
  startedAt: Date;
  /** When its present control channel came up; null unless established. */
  establishedAt: Date | null;
  /** rathole's reason, while it retries. */
  problem: string | null;
}

type ChannelEvent = Extract<ClientLogEvent, { service: string }>;

/**
 * rathole drops a changed or removed service's task and lets it end by itself: its "shutdown" comes
 * after the "Starting" of its successor, and one that was waiting to retry connects once more.
 */
export class TrackedChannel {
  wanted = true;
  /** Channels of this and of dropped tasks that came up since the last start and did not end. */
  private open = 0;
  /** Established channels of dropped tasks that will still say "shutdown". */
  private ending = 0;
  private establishedAt: Date | null = null;
  private problem: string | null = null;

  constructor(
    private readonly name: string,
    public startedAt: Date,
  ) {}

  apply(event: ChannelEvent): void {
    switch (event.kind) {
      case 'service-starting':
        this.remove();
        this.wanted = true;
        this.startedAt = event.at;
        return;
      case 'service-removed':
        return this.remove();
      case 'channel-established':
        return this.established(event.at);
      case 'channel-shut-down':
        return this.shutDown();
      case 'channel-failed':
        this.open = 0;
        this.problem = event.reason;
    }
  }

  remove(): void {
    this.wanted = false;
    if (this.open > 0) this.ending += 1;
    this.open = 0;
    this.problem = null;
  }

  forgetPredecessors(): void {
    this.ending = 0;
  }

  view(): TrackedService {
    const { name, startedAt, open, problem } = this;
    const state = open > 0 ? 'established' : problem === null ? 'connecting' : 'retrying';
    return {
      name,
      state,
      startedAt,
      establishedAt: open > 0 ? this.establishedAt : null,
      problem: open > 0 ? null : problem,
    };
  }

  private established(at: Date): void {
    if (!this.wanted) return;
    this.open += 1;
    this.establishedAt = at;
  }

  private shutDown(): void {
    if (this.ending > 0) this.ending -= 1;
    else this.open = Math.max(0, this.open - 1);
  }
}
