import { Injectable } from '@nestjs/common';
import {
  FewReaders,
  FileLogReader,
  type LogBatch,
  type LogFile,
  type LogQuery,
  type LogReader,
  LogUnavailableError,
  ownLog,
  parseJsonLine,
  parseRatholeLine,
  SecretMask,
  TooManyLogReadersError as TooManyReaders,
} from '@gopher/log';
import { Supervisor } from '@gopher/supervisor';
import { EdgeSecrets } from './edge-secrets.js';
import { LogsUnreadableError, TooManyLogReadersError } from './log.errors.js';
import type { EdgeLog } from './log-source.js';

const MAX_READERS = 32;
const RATHOLE = 'rathole-server';

/** The logs of this edge, read where they are written. */
@Injectable()
export class EdgeLogs {
  private readonly reader: LogReader<EdgeLog>;

  constructor(
    private readonly supervisor: Supervisor,
    secrets: EdgeSecrets,
  ) {
    const mask = async () => new SecretMask(await secrets.all());
    const files = new FileLogReader<EdgeLog>({ find: (log) => this.find(log), mask });
    this.reader = new FewReaders(files, MAX_READERS, 'this edge');
  }

  /** As a LogReader reads. @throws LogsUnreadableError, TooManyLogReadersError */
  async *read(query: LogQuery<EdgeLog>, signal: AbortSignal): AsyncGenerator<LogBatch<EdgeLog>> {
    try {
      yield* this.reader.read(query, signal);
    } catch (error) {
      throw problemOf(error);
    }
  }

  private find(log: EdgeLog): LogFile | string {
    if (log === 'server') return ownLog('gopher-server', parseJsonLine);
    return { path: this.supervisor.logFile(RATHOLE), parse: parseRatholeLine };
  }
}

function problemOf(cause: unknown): unknown {
  if (cause instanceof LogUnavailableError) {
    return new LogsUnreadableError(cause.message, { cause });
  }
  if (cause instanceof TooManyReaders) return new TooManyLogReadersError(cause.message, { cause });
  return cause;
}
