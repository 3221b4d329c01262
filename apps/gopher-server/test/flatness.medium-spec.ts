import { type Bound, flatness } from './flatness.js';
import { HANDLES, MEMORY } from './soak-bounds.js';

/** Half an hour, every 5 s. */
const SAMPLES = 360;

const series = (at: (i: number) => number): number[] =>
  Array.from({ length: SAMPLES }, (_, i) => at(i));
/** The same in every run. */
const noise = (i: number): number => Math.sin(i * 12.9898) * Math.cos(i * 78.233);
const isFlat = (at: (i: number) => number, bound: Bound) => flatness(series(at), bound).flat;

describe(flatness.name, () => {
  it('finds the teeth of a garbage collector flat, whatever their length', () => {
    for (const length of [2, 7, 25, 60]) {
      expect(isFlat((i) => 140 + 30 * ((i % length) / length) + noise(i), MEMORY)).toBe(true);
    }
  });

  it('finds it flat that something grows until it is warm', () => {
    expect(isFlat((i) => 170 - 60 * Math.exp(-i / 40) + 3 * noise(i), MEMORY)).toBe(true);
  });

  it('finds a leak of memory below teeth and noise', () => {
    const leakPerMinute = 1.2;
    expect(isFlat((i) => 140 + (i / 12) * leakPerMinute + 20 * ((i % 9) / 9), MEMORY)).toBe(false);
    expect(isFlat((i) => 36 + (i / 12) * 0.4 + noise(i), MEMORY)).toBe(false);
  });

  it('finds a leak of handles, of which one more a minute is enough', () => {
    expect(isFlat((i) => 60 + 4 * noise(i), HANDLES)).toBe(true);
    expect(isFlat((i) => 60 + Math.floor(i / 12) + 4 * noise(i), HANDLES)).toBe(false);
  });

  it('finds it flat that there is less in the end', () => {
    expect(isFlat((i) => 200 - i / 4, MEMORY)).toBe(true);
  });

  it('says nothing of too few samples', () => {
    expect(() => flatness([1, 2], MEMORY)).toThrow('2 samples are too few');
  });
});
