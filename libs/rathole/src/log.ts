export const RATHOLE_LOG_LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const;
export type RatholeLogLevel = (typeof RATHOLE_LOG_LEVELS)[number];

export interface RatholeLogLine {
  /** rathole's own clock, cut to milliseconds. */
  at: Date;
  level: RatholeLogLevel;
  /** The part of rathole that speaks: `rathole::client`, for example. */
  target: string;
  message: string;
  /** The service that it is about, where the line says so. */
  service: string | null;
}

const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z) +(TRACE|DEBUG|INFO|WARN|ERROR) (.*)$/;
const PARTS = /^(?:(.*?): )?(rathole(?:::[a-z_]+)*): (.*)$/;
const SERVICE_SPAN = /(?:^|:)handle\{service=([A-Za-z0-9._-]+)\}/;
const SERVICE_FIELD = / service=([A-Za-z0-9._-]+)$/;
const MAX_LINE_CHARS = 8_192;

/**
 * Reads one line as rathole 0.5.0 writes it to a file, at its default level and format.
 * null for all else: the text of a panic, a line of which a part is missing, another program's.
 */
export function parseRatholeLogLine(line: string): RatholeLogLine | null {
  const header = splitRatholeLogLine(line);
  if (!header) return null;
  const { at, level, rest } = header;
  const [, spans = '', target, message] = PARTS.exec(rest) ?? [];
  if (target === undefined || message === undefined) return null;
  const service = SERVICE_SPAN.exec(spans)?.[1] ?? SERVICE_FIELD.exec(message)?.[1] ?? null;
  return { at, level, target, message, service };
}

export interface RatholeLogHeader extends Pick<RatholeLogLine, 'at' | 'level'> {
  /** All that follows the level. */
  rest: string;
}

/** Reads when and how loud; null for what has no such header. */
export function splitRatholeLogLine(line: string): RatholeLogHeader | null {
  const [, at, level, rest] = LINE.exec(line.slice(0, MAX_LINE_CHARS).trimEnd()) ?? [];
  if (at === undefined || rest === undefined) return null;
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return null;
  return { at: time, level: level as RatholeLogLevel, rest };
}
