import type { Readable } from 'node:stream';
import { followLogs } from './follow-logs.js';
import { JournalFollower } from './journal-follower.js';
import { type JournalEntry, type JournalUnit, parseJournalLine } from './journal-entry.js';
import { LineQueue } from './line-queue.js';
import type { LogEntry } from './log-entry.js';
import { LogLines } from './log-lines.js';
import { LineFilter, type LogQuery } from './log-query.js';
import { type LogBatch, LogReader, LogUnavailableError } from './log-reader.js';
import { NewestEntries } from './newest-entries.js';
import type { SecretMask } from './secret-mask.js';

const PAGE_TIMEOUT_MS = 10_000;
/** A page is told from its end, and so has to be held; older entries of it are dropped. */
const MAX_PAGE_CHARS = 2 * 1024 * 1024;

/** A program that runs and writes. */
export interface RunningCommand {
  output: Readable;
  /** Resolves when it has ended, with how. Never rejects. */
  ended: Promise<string>;
  /** At once, whatever it is doing. */
  end: () => void;
}

export interface Journal<Source extends string> {
  /** Runs journalctl with these arguments. */
  run(args: readonly string[]): RunningCommand;
  units: readonly JournalUnit<Source>[];
  mask(): SecretMask | Promise<SecretMask>;
}

/** Turns what journalctl prints into entries that are wanted. */
export class JournalLines<Source extends string> {
  constructor(
    private readonly units: readonly JournalUnit<Source>[],
    private readonly mask: SecretMask,
    private readonly filter: LineFilter,
  ) {}

  parse(text: string): JournalEntry<Source> | null {
    return parseJournalLine(text, this.units);
  }

  entry({ unit, line, cut }: JournalEntry<Source>): LogEntry<Source> | null {
    const lines = new LogLines(unit.source, unit.parse, this.mask, this.filter);
    return lines.entryOf(line, cut);
  }
}

interface Page<Source extends string> {
  /** Newest first. */
  entries: LogEntry<Source>[];
  dropped: number;
  /** Of the newest entry that there was, wanted or not. */
  cursor: string;
}

/** Reads systemd's journal through journalctl, which runs only as long as it is needed. */
export class JournalLogReader<Source extends string> extends LogReader<Source> {
  constructor(private readonly journal: Journal<Source>) {
    super();
  }

  async *read(query: LogQuery<Source>, signal: AbortSignal): AsyncGenerator<LogBatch<Source>> {
    const units = this.journal.units.filter(({ source }) => query.sources.includes(source));
    const lines = new JournalLines(units, await this.journal.mask(), new LineFilter(query));
    const args = ['--output=json', '--no-pager', '--quiet', '--utc'];
    args.push(...units.map(({ unit }) => `--unit=${unit}`));
    // journalctl knows no time before 1970.
    const sinceSeconds = Math.max(Math.floor((query.since?.getTime() ?? 0) / 1_000), 0);
    if (sinceSeconds > 0) args.push(`--since=@${sinceSeconds}`);
    const { entries, dropped, cursor } = await this.page(args, lines, query.tail, signal);
    const batch = new NewestEntries<Source>();
    let missing = dropped;
    for (let entry = entries.pop(); entry; entry = entries.pop()) {
      batch.add(entry);
      if (!batch.isFull) continue;
      yield { ...batch.take(), dropped: missing, caughtUp: false };
      missing = 0;
    }
    yield { ...batch.take(), dropped: missing, caughtUp: true };
    if (!query.follow || signal.aborted) return;
    const from = cursor === '' ? '--lines=0' : `--after-cursor=${cursor}`;
    yield* this.follow([...args, '--follow', '--no-tail', from], lines, signal);
  }

  private async *follow(args: string[], lines: JournalLines<Source>, signal: AbortSignal) {
    const command = this.journal.run(args);
    signal.addEventListener('abort', command.end, { once: true });
    try {
      yield* followLogs([new JournalFollower(command, lines)], signal);
    } finally {
      signal.removeEventListener('abort', command.end);
      command.end();
    }
  }

  private async page(
    args: readonly string[],
    lines: JournalLines<Source>,
    tail: number,
    signal: AbortSignal,
  ): Promise<Page<Source>> {
    const command = this.journal.run([...args, '--reverse']);
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      command.end();
    }, PAGE_TIMEOUT_MS);
    signal.addEventListener('abort', command.end, { once: true });
    try {
      // What breaks off says why when it has ended.
      const page = await readPage(command.output, lines, tail).catch(() => null);
      if (page?.isWhole) return page;
      const how = await command.ended;
      if (signal.aborted) return { entries: [], dropped: 0, cursor: '' };
      if (isLate) throw new LogUnavailableError('journalctl took longer than 10 s');
      if (page && how === 'with exit code 0') return page;
      throw new LogUnavailableError(`journalctl ended ${how}`);
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', command.end);
      command.end();
    }
  }
}

async function readPage<Source extends string>(
  output: Readable,
  lines: JournalLines<Source>,
  tail: number,
): Promise<Page<Source> & { isWhole: boolean }> {
  const page: Page<Source> = { entries: [], dropped: 0, cursor: '' };
  const queue = new LineQueue();
  let chars = 0;
  const isWhole = () => page.entries.length + page.dropped >= tail;
  for await (const chunk of output) {
    queue.add(chunk as Buffer);
    for (let line = queue.next(); line; line = queue.next()) {
      const found = lines.parse(line.text);
      if (!found) continue;
      page.cursor ||= found.cursor;
      if (isWhole()) return { ...page, isWhole: true };
      const entry = lines.entry(found);
      chars += entry?.text.length ?? 0;
      if (entry && chars <= MAX_PAGE_CHARS) page.entries.push(entry);
      else if (entry) page.dropped += 1;
    }
  }
  return { ...page, isWhole: false };
}
