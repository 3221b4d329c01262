import { type RatholeLogLevel, splitRatholeLogLine } from '@gopher/rathole';
import type { LogLevel, ParsedLine } from './log-entry.js';

const LEVEL_OF_RATHOLE: Record<RatholeLogLevel, LogLevel> = {
  TRACE: 'debug',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/** What has no header is the text of a panic: an error without a time of its own. */
const outcry = (line: string): ParsedLine => ({ at: null, level: 'error', text: line });

export function parseRatholeLine(line: string): ParsedLine {
  const parsed = splitRatholeLogLine(line);
  if (!parsed) return outcry(line);
  return { at: parsed.at, level: LEVEL_OF_RATHOLE[parsed.level], text: parsed.rest };
}

interface JsonLine {
  at?: unknown;
  time?: unknown;
  level?: unknown;
  context?: unknown;
  message?: unknown;
  msg?: unknown;
  details?: unknown;
  err?: { message?: unknown; stack?: unknown };
}

/** One JSON object, as gopher-agent writes it, or pino for gopher-server. */
export function parseJsonLine(line: string): ParsedLine {
  const found = line.startsWith('{') ? parseObject(line) : null;
  if (!found) return outcry(line);
  const { at, time, level, context, message, msg, details, err } = found;
  const words = [
    textOf(message ?? msg),
    ...(Array.isArray(details) ? details.map(textOf) : []),
    textOf(err?.stack ?? err?.message),
  ].filter(isNew);
  const speaker = typeof context === 'string' && context !== '' ? `${context}: ` : '';
  return { at: dateOf(at ?? time), level: levelOf(level), text: speaker + words.join('\n') };
}

/** null for what is no object, or was cut off. */
function parseObject(line: string): JsonLine | null {
  try {
    return JSON.parse(line) as JsonLine;
  } catch {
    const [, level] = /"level":"?(\w{1,10})/.exec(line.slice(0, 200)) ?? [];
    const [, time] = /"(?:at|time)":"?([\w:.-]{1,30})/.exec(line.slice(0, 200)) ?? [];
    if (level === undefined || time === undefined) return null;
    const isNumber = /^\d+$/.test(level);
    const at = /^\d+$/.test(time) ? Number(time) : time;
    return { at, level: isNumber ? Number(level) : level, message: line };
  }
}

const isNew = (word: string, index: number, all: string[]): boolean =>
  word !== '' && all.indexOf(word) === index;

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function dateOf(value: unknown): Date | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** pino counts in tens, from 10 for trace to 60 for fatal. */
function levelOf(level: unknown): LogLevel {
  if (level === 'debug' || level === 'info' || level === 'warn' || level === 'error') return level;
  if (typeof level !== 'number') return 'error';
  if (level >= 50) return 'error';
  if (level >= 40) return 'warn';
  return level >= 30 ? 'info' : 'debug';
}
