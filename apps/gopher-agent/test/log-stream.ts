import type { ServiceError } from '@grpc/grpc-js';
import type { GetLogsRequest, GetLogsResponse, LogEntry } from '@gopher/proto';
import { until } from '../../../test/product/until.js';

/** A server-streaming call of grpc-js. */
export type LogCall = NodeJS.ReadableStream & { cancel(): void };

/** Everything that one call of GetLogs gave, in order. */
export class LogStream {
  readonly messages: GetLogsResponse[] = [];
  error: ServiceError | null = null;
  ended = false;

  constructor(private readonly call: LogCall) {
    call.on('data', (message: GetLogsResponse) => this.messages.push(message));
    call.on('error', (error: ServiceError) => (this.error = error));
    call.on('end', () => (this.ended = true));
  }

  get entries(): LogEntry[] {
    return this.messages.flatMap(({ entries }) => entries);
  }

  get texts(): string[] {
    return this.entries.map(({ text }) => text);
  }

  get dropped(): number {
    return this.messages.reduce((sum, { dropped }) => sum + Number(dropped), 0);
  }

  get received(): number {
    return this.messages.reduce((sum, { entries }) => sum + entries.length, 0);
  }

  caughtUp(): Promise<boolean> {
    return this.until('everything that was there', () => this.messages.some((m) => m.caughtUp));
  }

  /** @throws ServiceError when the call ended otherwise */
  async end(): Promise<this> {
    await until('the call has ended', () => this.ended || this.error !== null, 20_000);
    if (this.error) throw this.error;
    return this;
  }

  until(what: string, isSo: () => boolean, timeoutMs = 20_000): Promise<boolean> {
    return until(
      what,
      () => {
        if (this.error) throw this.error;
        return isSo();
      },
      timeoutMs,
    );
  }

  /** Takes no more until `resume`. */
  pause(): void {
    this.call.pause();
  }

  resume(): void {
    this.call.resume();
  }

  cancel(): void {
    this.call.on('error', () => {});
    this.call.cancel();
  }
}

export const ALL_LOGS: GetLogsRequest = {
  source: 0,
  tail: 200,
  follow: false,
  since: undefined,
  leastLevel: 0,
  contains: '',
};
