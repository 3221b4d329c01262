import { z } from 'zod';

const MAX_PAGE = 200;
/** The bytes of a UUID. */
const CURSOR = /^[A-Za-z0-9_-]{22}$/;

/** A cursor is the id of the last item seen, not a number of items: inserts do not shift it. */
const cursor = z
  .string()
  .regex(CURSOR, 'is no cursor that a list answered with')
  .transform((text) => {
    const hex = Buffer.from(text, 'base64url').toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  });

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
  cursor: cursor.optional(),
};

export interface Page<T> {
  items: T[];
  /** null: this was the last page. */
  nextCursor: string | null;
}

/** @param found one item more than `limit`, when there are so many */
export function toPage<T extends { id: string }>(found: readonly T[], limit: number): Page<T> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const more = found.length > limit && last;
  return { items, nextCursor: more ? cursorOf(last.id) : null };
}

const cursorOf = (id: string): string =>
  Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url');

export const pageView = <T extends z.ZodType>(item: T, id: string) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() }).meta({ id });
