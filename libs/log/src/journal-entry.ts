import type { LineParser, ParsedLine } from './log-entry.js';

/** A program whose output systemd keeps. */
export interface JournalUnit<Source extends string> {
  source: Source;
  /** e.g. "gopher-agent.service" */
  unit: string;
  parse: LineParser;
}

export interface JournalEntry<Source extends string> {
  cursor: string;
  unit: JournalUnit<Source>;
  line: ParsedLine;
  cut: boolean;
}

interface Fields {
  __CURSOR?: unknown;
  __REALTIME_TIMESTAMP?: unknown;
  _SYSTEMD_UNIT?: unknown;
  /** Of what systemd itself says about a unit. */
  UNIT?: unknown;
  PRIORITY?: unknown;
  MESSAGE?: unknown;
}

/** Reads one line of `journalctl --output=json`; null: it is none, or of no unit that was asked for. */
export function parseJournalLine<Source extends string>(
  text: string,
  units: readonly JournalUnit<Source>[],
): JournalEntry<Source> | null {
  const fields = fieldsOf(text);
  const name = fields?.UNIT ?? fields?._SYSTEMD_UNIT;
  const unit = units.find((candidate) => candidate.unit === name);
  if (!fields || !unit) return null;
  const message = messageOf(fields.MESSAGE);
  const own: ParsedLine = { at: null, level: levelOf(fields.PRIORITY), text: message ?? '' };
  const isOwn = fields.UNIT !== undefined || message === null;
  const line = isOwn ? own : unit.parse(message);
  return {
    cursor: typeof fields.__CURSOR === 'string' ? fields.__CURSOR : '',
    unit,
    line: { ...line, at: timeOf(fields.__REALTIME_TIMESTAMP) ?? line.at },
    cut: message === null,
  };
}

function fieldsOf(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}

/** journalctl gives bytes that are no text as numbers, and null for what is longer than 4 KiB. */
function messageOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? Buffer.from(value as number[]).toString('utf8') : null;
}

/** As syslog counts: 3 and below are errors, 4 warnings, 7 is for debugging. */
function levelOf(priority: unknown): ParsedLine['level'] {
  const number = Number(priority ?? 6);
  if (number <= 3) return 'error';
  if (number === 4) return 'warn';
  return number === 7 ? 'debug' : 'info';
}

/** Microseconds since 1970, as text. */
function timeOf(value: unknown): Date | null {
  const date = new Date(Number(value) / 1_000);
  return typeof value === 'string' && !Number.isNaN(date.getTime()) ? date : null;
}
