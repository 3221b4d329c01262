import type { Topic } from './topics.js';

/** Every type of event, with the topics in which it comes. */
export const EVENT_TYPES: Record<string, { topics: readonly Topic[]; tells: string }> = {
  'machine-status': {
    topics: ['status'],
    tells: 'how a machine is, as in `GET /machines/{id}/status`',
  },
  'machine-removed': {
    topics: ['status', 'metrics', 'logs'],
    tells: 'a machine was removed; no more comes about it',
  },
  'agent-status': {
    topics: ['events'],
    tells: 'an agent went `from` one status `to` another, with the `reason`',
  },
  'tunnel-state': {
    topics: ['events'],
    tells: 'a tunnel changed its `state`, with `leg` and `reason` or with its `proof`',
  },
  metrics: { topics: ['metrics'], tells: 'a sample of a machine or of the edge' },
  log: { topics: ['logs'], tells: 'an entry of a log' },
  'log-dropped': {
    topics: ['logs'],
    tells: '`count` entries came too fast for the machine or the edge to pass them on',
  },
  lost: {
    topics: [],
    tells:
      '`count` events are gone that belong here: the reader was too slow, or away for too long; ' +
      'null: nobody knows how many',
  },
  heartbeat: { topics: [], tells: 'the connection is alive; every 15 s, without an id' },
};

/** For people who read the description of the API. */
export function describeEventTypes(): string {
  const rows = Object.entries(EVENT_TYPES).map(
    ([type, { topics, tells }]) => `| \`${type}\` | ${topics.join(', ') || 'any'} | ${tells} |`,
  );
  return ['| event | topic | tells |', '|---|---|---|', ...rows].join('\n');
}
