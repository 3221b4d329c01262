import { z } from 'zod';
import { machineId } from '../machine/machine.schema.js';
import type { Interest } from './edge-event.js';
import { type About, type Topic, TOPICS } from './topics.js';

const MAX_ABOUT = 20;

const isTopic = (text: string): text is Topic => (TOPICS as readonly string[]).includes(text);

const topics = z
  .string()
  .max(100)
  .default('status,events')
  .meta({
    description: `Of ${TOPICS.join(', ')}; with commas between them`,
    pattern: `^(?:${TOPICS.join('|')})(?:,(?:${TOPICS.join('|')}))*$`,
    example: 'status',
  })
  .transform((text, context): Set<Topic> => {
    const named = text.split(',');
    const unknown = named.find((name) => !isTopic(name));
    if (unknown === undefined) return new Set(named.filter(isTopic));
    const message = `"${unknown}" is no topic; there are ${TOPICS.join(', ')}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

const one = z
  .string()
  .toLowerCase()
  .refine(
    (text) => text === 'edge' || machineId.safeParse(text).success,
    'must be "edge" or the id of a machine',
  )
  .meta({ pattern: `^edge$|${z.regexes.uuid().source}` });

const about = z
  // Given once, it is no list in a query.
  .preprocess((given) => (typeof given === 'string' ? [given] : given), z.array(one).max(MAX_ABOUT))
  .default([])
  .meta({
    description: 'Only what is about these: ids of machines, or "edge". Default: everything',
  });

/** The query of GET /events. */
export const followEvents = z
  .strictObject({ topics, about })
  .transform((query): Interest => ({ ...query, about: new Set<About>(query.about) }))
  .refine(({ topics: asked, about: named }) => !asked.has('logs') || named.size > 0, {
    path: ['about'],
    message: 'must name what the logs are to be of: the id of a machine, or "edge"',
  });
