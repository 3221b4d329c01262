import { FileFollower } from './file-follower.js';
import { followLogs } from './follow-logs.js';
import type { LineParser, LogEntry } from './log-entry.js';
import { LogLines } from './log-lines.js';
import { LineFilter, type LogQuery } from './log-query.js';
import { type LogBatch, LogReader, LogUnavailableError } from './log-reader.js';
import { NewestEntries } from './newest-entries.js';
import { Moments } from './order-of-time.js';
import { choose, PageStart } from './page-start.js';
import type { SecretMask } from './secret-mask.js';

/** A log as a file. */
export interface LogFile {
  path: string;
  parse: LineParser;
}

/** Where each log is now. */
export interface LogFiles<Source extends string> {
  /** A text says why it is in no file. */
  find(source: Source): LogFile | string;
  mask(): SecretMask | Promise<SecretMask>;
}

/** What is left of the page of one log. */
interface Part<Source extends string> {
  follower: FileFollower<Source>;
  left: number;
  next: { entry: LogEntry<Source>; at: number } | null;
  moments: Moments;
}

export class FileLogReader<Source extends string> extends LogReader<Source> {
  constructor(private readonly files: LogFiles<Source>) {
    super();
  }

  async *read(query: LogQuery<Source>, signal: AbortSignal): AsyncGenerator<LogBatch<Source>> {
    const { logs, absent } = this.open(query, await this.files.mask());
    const starts = await startsOf(logs, query);
    const parts = logs.map(({ path, lines }, i): Part<Source> => {
      const { place, count } = starts[i]!;
      const follower = new FileFollower(path, lines, place);
      return { follower, left: count, next: null, moments: new Moments() };
    });
    const page = new NewestEntries<Source>();
    for (const entry of absent) page.add(entry);
    for (let entry = await nextOf(parts, query, signal); entry;) {
      page.add(entry);
      if (page.isFull) yield { ...page.take(), caughtUp: false };
      entry = await nextOf(parts, query, signal);
    }
    yield { ...page.take(), caughtUp: true };
    const followers = parts.map(({ follower }) => follower);
    if (query.follow) yield* followLogs(followers, signal);
  }

  /** @throws LogUnavailableError when none of them is in a file */
  private open({ sources, ...query }: LogQuery<Source>, mask: SecretMask) {
    const filter = new LineFilter(query);
    const logs: { path: string; lines: LogLines<Source> }[] = [];
    const absent: LogEntry<Source>[] = [];
    const reasons: string[] = [];
    for (const source of sources) {
      const file = this.files.find(source);
      if (typeof file !== 'string') {
        const lines = new LogLines(source, file.parse, mask, filter);
        logs.push({ path: file.path, lines });
        continue;
      }
      reasons.push(file);
      const parsed = { at: null, level: 'warn', text: file } as const;
      const entry = new LogLines(source, () => parsed, mask, filter).entryOf(parsed, false);
      if (entry) absent.push(entry);
    }
    if (logs.length === 0) throw new LogUnavailableError(reasons.join('; '));
    return { logs, absent };
  }
}

async function startsOf(
  logs: readonly { path: string; lines: LogLines }[],
  { tail, follow }: LogQuery,
): Promise<PageStart[]> {
  const starts: PageStart[] = [];
  try {
    for (const { path, lines } of logs) starts.push(await PageStart.of(path, lines, !follow));
    await choose(starts, tail);
    return starts;
  } finally {
    for (const start of starts) start.close();
  }
}

/** The oldest entry of those that are left; null: none is. */
async function nextOf<Source extends string>(
  parts: readonly Part<Source>[],
  { follow }: LogQuery,
  signal: AbortSignal,
): Promise<LogEntry<Source> | null> {
  for (const part of parts) {
    if (part.next || part.left === 0) continue;
    const entry = await part.follower.next(!follow, signal);
    part.left = entry ? part.left - 1 : 0;
    part.next = entry && { entry, at: part.moments.of(entry) };
  }
  const oldest = parts.reduce<Part<Source> | null>(
    (best, part) => (part.next && part.next.at < (best?.next?.at ?? Infinity) ? part : best),
    null,
  );
  const entry = oldest?.next?.entry ?? null;
  if (oldest) oldest.next = null;
  return entry;
}
