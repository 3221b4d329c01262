import { type LogBatch, type LogEntry, type LogQuery, MAX_TAIL } from '@gopher/log';
import {
  type GetLogsRequest,
  type GetLogsResponse,
  type LogEntry as LogMessage,
  LogLevel,
  LogSource,
} from '@gopher/proto';
import { MACHINE_LOGS, type MachineLog } from './machine-log.js';

const SOURCES: Record<MachineLog, LogSource> = {
  agent: LogSource.AGENT,
  control: LogSource.CONTROL_CLIENT,
  data: LogSource.DATA_CLIENT,
};

const LEVELS: Record<LogEntry['level'], LogLevel> = {
  debug: LogLevel.DEBUG,
  info: LogLevel.INFO,
  warn: LogLevel.WARN,
  error: LogLevel.ERROR,
};
const LEVEL_NAMES = Object.keys(LEVELS) as LogEntry['level'][];

export function toLogQuery(request: GetLogsRequest): LogQuery<MachineLog> {
  const { source, tail, follow, since, leastLevel, contains } = request;
  const asked = MACHINE_LOGS.filter((name) => SOURCES[name] === source);
  return {
    sources: asked.length > 0 ? asked : MACHINE_LOGS,
    tail: Math.min(tail, MAX_TAIL),
    follow,
    since: since ?? null,
    leastLevel: LEVEL_NAMES.find((name) => LEVELS[name] === leastLevel) ?? 'debug',
    contains,
  };
}

export const toGetLogsResponse = ({
  entries,
  dropped,
  caughtUp,
}: LogBatch<MachineLog>): GetLogsResponse => ({
  entries: entries.map(toMessage),
  dropped: BigInt(dropped),
  caughtUp,
});

const toMessage = ({ at, source, level, text, cut }: LogEntry<MachineLog>): LogMessage => ({
  loggedAt: at ?? undefined,
  source: SOURCES[source],
  level: LEVELS[level],
  text,
  cut,
});
