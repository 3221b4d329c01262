import { coolDownAfter, decideHeal } from './heal-rule.js';

const NOW = new Date(1_800_000_000_000);
const tried = (attempts: number, secondsAgo: number) => ({
  attempts,
  attemptedAt: new Date(NOW.getTime() - secondsAgo * 1_000),
});

describe(decideHeal.name, () => {
  it('restarts at once what was never restarted', () => {
    expect(decideHeal(null, NOW)).toEqual({ restart: true });
  });

  it.each([
    [1, 15],
    [2, 30],
    [3, 60],
    [7, 600],
  ])('waits after attempt %i for %i s', (attempts, seconds) => {
    expect(decideHeal(tried(attempts, seconds - 1), NOW)).toEqual({
      restart: false,
      because: 'cooling down for 1 s more',
    });
    expect(decideHeal(tried(attempts, seconds), NOW)).toEqual({ restart: true });
  });

  it('gives up after eight attempts, until an hour has passed', () => {
    for (const seconds of [0, 600, 3_599]) {
      const decision = decideHeal(tried(8, seconds), NOW);
      expect(decision).toEqual({ restart: false, because: expect.stringMatching(/8 restarts/) });
    }
    expect(decideHeal(tried(8, 3_600), NOW)).toEqual({ restart: true });
  });

  it('does not restart in a loop when the clock was set back', () => {
    expect(decideHeal(tried(1, -3_600), NOW)).toMatchObject({ restart: false });
  });
});

describe(coolDownAfter.name, () => {
  it('doubles and has an end', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8].map((n) => coolDownAfter(n) / 1_000)).toEqual([
      15, 30, 60, 120, 240, 480, 600, 600,
    ]);
  });
});
