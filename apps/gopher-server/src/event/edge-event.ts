import type { About, Topic } from './topics.js';

/** Something that happened, written down once for all who read it. */
export interface EdgeEvent {
  /** Counts from 1 in each run of the server, over all topics. */
  readonly number: number;
  readonly topic: Topic;
  readonly about: About;
  /** As it goes over the wire. */
  readonly frame: Buffer;
  /** In how many queues it waits; the queues' room counts it. */
  holders: number;
}

/** What a reader asked for; `about` empty: everything. */
export interface Interest {
  readonly topics: ReadonlySet<Topic>;
  readonly about: ReadonlySet<About>;
}

export const isOfInterest = (
  { topics, about }: Interest,
  event: Pick<EdgeEvent, 'topic' | 'about'>,
): boolean => topics.has(event.topic) && (about.size === 0 || about.has(event.about));

/** A server-sent event. JSON has no line ends of its own. */
export function frame(type: string, data: object, id: string | null = null): Buffer {
  const head = id === null ? '' : `id: ${id}\n`;
  const text = `${head}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  // Remembered for long: as a slice of Node's pool it would keep all 64 KiB of it.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
