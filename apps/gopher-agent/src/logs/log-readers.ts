import { Injectable } from '@nestjs/common';
import { type LogBatch, type LogQuery, LogReader, LogUnavailableError } from '@gopher/log';
import { LogUnreadableError, TooManyReadersError } from '../agent.errors.js';
import type { MachineLog } from './machine-log.js';

const MAX_READERS = 8;

/** Those who read this machine's logs: few at once, so that all of them together stay cheap. */
@Injectable()
export class LogReaders {
  private readers = 0;

  constructor(private readonly reader: LogReader<MachineLog>) {}

  /** @throws TooManyReadersError, LogUnreadableError */
  async *read(
    query: LogQuery<MachineLog>,
    signal: AbortSignal,
  ): AsyncGenerator<LogBatch<MachineLog>> {
    if (this.readers >= MAX_READERS) {
      throw new TooManyReadersError(
        `${MAX_READERS} readers have the logs of this machine open already; close one of them`,
      );
    }
    this.readers += 1;
    try {
      yield* this.reader.read(query, signal);
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
      throw new LogUnreadableError(error.message, { cause: error });
    } finally {
      this.readers -= 1;
    }
  }
}
