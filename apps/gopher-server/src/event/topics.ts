export const TOPICS = ['status', 'metrics', 'events', 'logs'] as const;
/** What a reader of events can ask for. */
export type Topic = (typeof TOPICS)[number];

/** What an event is about: this edge, or the machine with this id. */
export type About = 'edge' | (string & {});

/** Publishes only while somebody reads it, or more finely then. */
export interface LiveFeed {
  /** From now on somebody reads `about`. @returns to be called once, when nobody does any more. */
  open(about: About): () => void;
}
