import type { LogQuery } from './log-query.js';
import { type LogBatch, LogReader, TooManyLogReadersError } from './log-reader.js';

/** Few at once, so that all readers together stay cheap. */
export class FewReaders<Source extends string> extends LogReader<Source> {
  private readers = 0;

  /** @param whose e.g. "this machine" */
  constructor(
    private readonly reader: LogReader<Source>,
    private readonly most: number,
    private readonly whose: string,
  ) {
    super();
  }

  async *read(query: LogQuery<Source>, signal: AbortSignal): AsyncGenerator<LogBatch<Source>> {
    if (this.readers >= this.most) {
      throw new TooManyLogReadersError(
        `${this.most} readers have the logs of ${this.whose} open already; close one of them`,
      );
    }
    this.readers += 1;
    try {
      yield* this.reader.read(query, signal);
    } finally {
      this.readers -= 1;
    }
  }
}
