import { cleanText } from './clean-text.js';
import type { RawLine } from './line-queue.js';
import type { LineParser, LogEntry, ParsedLine } from './log-entry.js';
import type { LineFilter } from './log-query.js';
import type { SecretMask } from './secret-mask.js';

/** How the lines of one log become entries, of which some are wanted. */
export class LogLines<Source extends string = string> {
  constructor(
    readonly source: Source,
    private readonly parse: LineParser,
    private readonly mask: SecretMask,
    readonly filter: LineFilter,
  ) {}

  /** null: it is not wanted. */
  entry({ text, cut }: RawLine): LogEntry<Source> | null {
    return this.entryOf(this.parse(text), cut);
  }

  entryOf(parsed: ParsedLine, cut: boolean): LogEntry<Source> | null {
    const { at, level } = parsed;
    if (!this.filter.fitsLevel(level) || this.filter.isTooOld(at)) return null;
    const clean = cleanText(parsed.text, (raw) => this.mask.mask(raw));
    if (!this.filter.fitsText(clean.text)) return null;
    return { at, source: this.source, level, text: clean.text, cut: cut || clean.cut };
  }

  /** Whether a line is wanted; too-old: and so is none before it. */
  look(text: string): { fits: boolean; at: Date | null; isTooOld: boolean } {
    const parsed = this.parse(text);
    const isTooOld = this.filter.isTooOld(parsed.at);
    const fits = this.filter.takesAll || this.entryOf(parsed, false) !== null;
    return { fits, at: parsed.at, isTooOld };
  }
}
