import { readFile } from 'node:fs/promises';
import { describeEventTypes, EVENT_TYPES } from './event-types.js';

describe('the types of events', () => {
  it('are those of docs/events.md, with their topics', async () => {
    const docs = await readFile(new URL('../../../../docs/events.md', import.meta.url), 'utf8');
    const rows = [...docs.matchAll(/^\| `([a-z-]+)` +\| ([a-z, ]+?) +\| /gm)];
    const described = rows.filter(([, type]) => type !== 'topics' && type !== 'about');
    expect(Object.fromEntries(described.map(([, type, topics]) => [type, topics]))).toEqual(
      Object.fromEntries(
        Object.entries(EVENT_TYPES).map(([type, { topics }]) => [type, topics.join(', ') || 'any']),
      ),
    );
  });

  it('are told to readers of the description of the API', () => {
    const lines = describeEventTypes().split('\n');
    expect(lines).toContain(
      '| `machine-removed` | status, metrics, logs | a machine was removed; no more comes about it |',
    );
    expect(lines).toHaveLength(Object.keys(EVENT_TYPES).length + 2);
  });
});
