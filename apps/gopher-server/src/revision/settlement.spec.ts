import { settlement } from './settlement.js';

const row = { number: 5, sha256: 'a' };
const config = (
  revision: number,
  sha256: string,
  state: 'applied' | 'unconfirmed' = 'applied',
) => ({
  revision,
  sha256,
  state,
  detail: '',
});
const reverted = { revision: 5, sha256: 'a', cause: 'not-taken' as const, reason: 'why' };
const said = { config: config(4, 'b'), reverted: null, highestRevision: 4 };

describe(settlement.name, () => {
  it.each([
    ['has it', { config: config(5, 'a'), highestRevision: 5 }, 'applied', null],
    ['took it back', { reverted, highestRevision: 5 }, 'reverted', 'why'],
    [
      'has a newer one',
      { config: config(7, 'c'), highestRevision: 7 },
      'superseded',
      'The machine has revision 7',
    ],
    [
      'had it, and another of that number now',
      { config: config(5, 'x'), highestRevision: 5 },
      'superseded',
      'The machine has revision 5',
    ],
    [
      'has a newer one, and is old',
      { config: config(7, 'c'), highestRevision: 0 },
      'superseded',
      /7/,
    ],
  ])('is known of a machine that %s', (_, report, outcome, reason) => {
    const settled = settlement(row, { ...said, ...report });
    expect(settled?.outcome).toBe(outcome);
    if (reason === null) expect(settled?.reason).toBeNull();
    else expect(settled?.reason).toMatch(reason);
  });

  it.each([
    ['tries it', { config: config(5, 'a', 'unconfirmed'), highestRevision: 5 }],
    ['has not had it', {}],
    ['took back another content', { reverted: { ...reverted, sha256: 'x' } }],
    ['says nothing of its configuration', { config: null, highestRevision: 9 }],
  ])('is not known of a machine that %s', (_, report) => {
    expect(settlement(row, { ...said, ...report })).toBeNull();
  });
});
