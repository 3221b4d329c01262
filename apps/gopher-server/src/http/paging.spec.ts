import { z } from 'zod';
import { pageQuery, toPage } from './paging.js';

const query = z.strictObject(pageQuery);
const items = ['1', '2', '3'].map((n) => ({ id: `0193a000-0000-7000-8000-00000000000${n}` }));

describe(toPage.name, () => {
  it('gives a cursor that leads behind the last item', () => {
    const page = toPage(items, 2);
    expect(page.items).toEqual(items.slice(0, 2));
    expect(query.parse({ cursor: page.nextCursor! })).toEqual({
      limit: 50,
      cursor: items.at(1)!.id,
    });
  });

  it('gives none when there is nothing behind it', () => {
    expect(toPage(items, 3).nextCursor).toBeNull();
    expect(toPage([], 3)).toEqual({ items: [], nextCursor: null });
  });
});

describe('a query for a page', () => {
  it.each([
    { limit: '0' },
    { limit: '201' },
    { limit: 'x' },
    { cursor: 'AAAA' },
    { cursor: '' },
    { page: '2' },
  ])('is not %j', (bad) => {
    expect(query.safeParse(bad).success).toBe(false);
  });
});
