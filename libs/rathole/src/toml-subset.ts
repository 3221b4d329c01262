import { RatholeConfigError } from './config.errors.js';

const BASIC = String.raw`"(?:[^"\\]|\\[btnfr"\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*"`;
const LITERAL = `'[^']*'`;
const KEY = `(?:[A-Za-z0-9_-]+|${BASIC}|${LITERAL})`;
const INTEGER = '(?:0|[1-9][0-9]*)';
const BLANK = '[ \\t]*';
const COMMENT = '(?:#.*)?';

const LINE = new RegExp(
  `^${BLANK}(?:` +
    `(?:\\[${BLANK}${KEY}(?:${BLANK}\\.${BLANK}${KEY})*${BLANK}\\]` +
    `|${KEY}${BLANK}=${BLANK}(?:${BASIC}|${LITERAL}|${INTEGER}))` +
    `${BLANK})?${COMMENT}$`,
  'u',
);
const CONTROL = /[\p{Cc}--\t]/v;

/**
 * Refuses what rathole's older TOML reader may take differently: it knows TOML 0.5, our parser 1.1.
 * What stays is one `key = value` or one `[header]` a line, with plain strings and whole numbers.
 */
export function assertTomlSubset(toml: string): void {
  const lines = toml.split(/\r?\n/);
  const index = lines.findIndex((line) => CONTROL.test(line) || !LINE.test(line));
  if (index === -1) return;
  throw new RatholeConfigError(
    'unsupported-syntax',
    null,
    'only [headers] and key = "string" or key = number are used here, one a line',
    index + 1,
  );
}
