import { cleanText, type LogBatch, type LogLevel, type LogQuery, SecretMask } from '@gopher/log';
import {
  type GetLogsRequest,
  type GetLogsResponse,
  LogLevel as WireLevel,
  LogSource,
} from '@gopher/proto';
import type { MachineLog } from './log-source.js';

const SOURCES: Record<MachineLog, LogSource> = {
  agent: LogSource.AGENT,
  control: LogSource.CONTROL_CLIENT,
  data: LogSource.DATA_CLIENT,
};

const LEVELS: Record<LogLevel, WireLevel> = {
  debug: WireLevel.DEBUG,
  info: WireLevel.INFO,
  warn: WireLevel.WARN,
  error: WireLevel.ERROR,
};

export function toGetLogsRequest(query: LogQuery<MachineLog>): GetLogsRequest {
  const { sources, tail, follow, since, leastLevel, contains } = query;
  const [only] = sources;
  const source = sources.length === 1 && only ? SOURCES[only] : LogSource.UNSPECIFIED;
  const filter = { leastLevel: LEVELS[leastLevel], contains };
  return { source, tail, follow, since: since ?? undefined, ...filter };
}

/** What a machine says is shown to people: it is cleaned here again, whatever its agent did. */
export function toLogBatch(message: GetLogsResponse): LogBatch<MachineLog> {
  const mask = new SecretMask();
  const entries = message.entries.map(({ loggedAt, source, level, text, cut }) => {
    const clean = cleanText(text, (raw) => mask.mask(raw));
    return {
      at: loggedAt && !Number.isNaN(loggedAt.getTime()) ? loggedAt : null,
      source: nameOf(SOURCES, source) ?? 'agent',
      level: nameOf(LEVELS, level) ?? 'error',
      text: clean.text,
      cut: cut || clean.cut,
    };
  });
  return { entries, dropped: Number(message.dropped), caughtUp: message.caughtUp };
}

function nameOf<Name extends string>(names: Record<Name, number>, value: number): Name | undefined {
  return (Object.keys(names) as Name[]).find((name) => names[name] === value);
}
