import { parseMemory } from './memory.js';

const lines = (fields: Record<string, number>) =>
  Object.entries(fields)
    .map(([field, kilobytes]) => `${field}:${String(kilobytes).padStart(12)} kB\n`)
    .join('');

const MEMORY = { MemTotal: 1_000, MemFree: 200, MemAvailable: 500 };

describe(parseMemory.name, () => {
  it('is told in bytes', () => {
    const swap = { SwapCached: 7, SwapTotal: 300, SwapFree: 100 };
    expect(parseMemory(lines({ ...MEMORY, ...swap }))).toEqual({
      totalBytes: 1_024_000,
      availableBytes: 512_000,
      swap: { totalBytes: 307_200, freeBytes: 102_400 },
    });
  });

  it.each([
    ['is none', { SwapTotal: 0, SwapFree: 0 }],
    ['is not compiled in', {}],
  ])('has no swap, and not one of zero bytes, where there %s', (_, swap) => {
    expect(parseMemory(lines({ ...MEMORY, ...swap }))?.swap).toBeNull();
  });

  it('takes what is free for available on a kernel that does not estimate that', () => {
    expect(parseMemory(lines({ MemTotal: 10, MemFree: 4 }))?.availableBytes).toBe(4_096);
  });

  it.each(['', 'MemTotal: nonsense', lines({ MemTotal: 10 }), lines({ MemFree: 10 })])(
    'is null for %j',
    (text) => {
      expect(parseMemory(text)).toBeNull();
    },
  );
});
