import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import { type LogBatch, type LogEntry, MAX_TAIL, NewestEntries } from '@gopher/log';
import { type LogEntryView, toLogEntryView } from './log.schema.js';

/** Of a page that is answered as one: what a browser and a small edge can hold. */
const MAX_PAGE_CHARS = 4 * 1024 * 1024;
const BUFFER_BYTES = 64 * 1024;
const HEARTBEAT_MS = 15_000;
/** A reader who takes nothing for so long has gone, or might as well have. */
const STALLED_MS = 60_000;

export const LOG_EVENTS = ['log', 'log-dropped', 'caught-up', 'heartbeat', 'log-ended'] as const;

/** Reads logs until the signal aborts. */
export type ReadLogs<Source extends string> = (
  signal: AbortSignal,
) => AsyncGenerator<LogBatch<Source>>;

/** The newest entries that fit into one answer. */
export async function logPage<Source extends string>(
  read: ReadLogs<Source>,
): Promise<{ entries: LogEntryView<Source>[]; dropped: number }> {
  const newest = new NewestEntries<Source>(MAX_TAIL, MAX_PAGE_CHARS);
  for await (const { entries, dropped } of read(new AbortController().signal)) {
    newest.drop(dropped);
    for (const entry of entries) newest.add(entry);
  }
  const { entries, dropped } = newest.take();
  return { entries: entries.map(toLogEntryView), dropped };
}

/** Server-sent events: `log`, `log-dropped`, `caught-up` once, `heartbeat`, and at last `log-ended`. */
export function logEvents<Source extends string>(read: ReadLogs<Source>): Promise<StreamableFile> {
  return streamed(read, eventsOf, { type: 'text/event-stream; charset=utf-8' });
}

/** A file for people. @param name without blanks and quotes */
export function logDownload<Source extends string>(
  read: ReadLogs<Source>,
  name: string,
): Promise<StreamableFile> {
  return streamed(read, textOf, {
    type: 'text/plain; charset=utf-8',
    disposition: `attachment; filename="gopher-${name}.log"`,
  });
}

async function* eventsOf(batches: AsyncIterator<LogBatch>): AsyncGenerator<string> {
  try {
    yield* eventsUntilEnd(batches);
  } catch (error) {
    yield event('log-ended', { reason: error instanceof Error ? error.message : String(error) });
  }
}

async function* eventsUntilEnd(batches: AsyncIterator<LogBatch>): AsyncGenerator<string> {
  let isNew = true;
  for (let next = batches.next(); ;) {
    const result = await orNull(next, HEARTBEAT_MS);
    if (result?.done) return;
    yield result ? eventsOfBatch(result.value, isNew) : event('heartbeat', {});
    if (!result) continue;
    isNew &&= !result.value.caughtUp;
    next = batches.next();
  }
}

function eventsOfBatch({ entries, dropped, caughtUp }: LogBatch, isNew: boolean): string {
  const events = entries.map((entry) => event('log', toLogEntryView(entry)));
  if (dropped > 0) events.unshift(event('log-dropped', { count: dropped }));
  if (isNew && caughtUp) events.push(event('caught-up', {}));
  return events.join('');
}

const event = (type: string, data: object): string =>
  `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;

async function* textOf(batches: AsyncIterator<LogBatch>): AsyncGenerator<string> {
  for (let next = await batches.next(); !next.done; next = await batches.next()) {
    const { entries, dropped } = next.value;
    if (dropped > 0) yield `(${dropped} entries are left out here)\n`;
    if (entries.length > 0) yield entries.map(lineOf).join('');
  }
}

function lineOf({ at, source, level, text, cut }: LogEntry): string {
  const head = [at?.toISOString() ?? '-', level.toUpperCase(), source].join(' ');
  return `${head} ${text.replaceAll('\n', '\n    ')}${cut ? ' …' : ''}\n`;
}

/** What goes wrong before the first batch is an answer of its own, and no broken stream. */
async function streamed<Source extends string>(
  read: ReadLogs<Source>,
  write: (batches: AsyncIterator<LogBatch>) => AsyncGenerator<string>,
  headers: { type: string; disposition?: string },
): Promise<StreamableFile> {
  const gone = new AbortController();
  const batches = read(gone.signal);
  const first = await batches.next();
  async function* all(): AsyncGenerator<LogBatch> {
    if (first.done) return;
    yield first.value;
    yield* batches;
  }
  const stream = Readable.from(
    withoutStall(write(all()), () => stream.destroy()),
    {
      objectMode: false,
      highWaterMark: BUFFER_BYTES,
    },
  );
  // Nothing else ends a log that nobody began to take, or of which the next batch is not awaited.
  const leave = async () => {
    gone.abort();
    await batches.return(undefined).catch(() => {});
  };
  // It is closed only once what it reads has ended, which waits for the next batch.
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, done) => {
    void leave();
    destroy(error, done);
  };
  return new StreamableFile(stream, headers);
}

async function* withoutStall(
  texts: AsyncIterable<string>,
  onStall: () => void,
): AsyncGenerator<Buffer> {
  for await (const text of texts) {
    if (text === '') continue;
    const stall = setTimeout(onStall, STALLED_MS);
    yield Buffer.from(text);
    clearTimeout(stall);
  }
}

async function orNull<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), ms);
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}
