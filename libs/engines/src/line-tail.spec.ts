import { LineTail } from './line-tail.js';

describe(LineTail.name, () => {
  it('hands on whole lines, however they arrive, and the unfinished one at the end', () => {
    const seen: string[] = [];
    const tail = new LineTail((line) => seen.push(line));
    for (const chunk of ['one\ntw', 'o\r\n\n', 'thr', 'ee']) tail.push(chunk);
    expect(seen).toEqual(['one', 'two']);
    expect(tail.end()).toEqual(['one', 'two', 'three']);
  });

  it('keeps little of very much', () => {
    const tail = new LineTail(() => {});
    for (let i = 0; i < 1_000; i += 1) tail.push(`${i} ${'x'.repeat(5_000)}\n`);
    for (let i = 0; i < 1_000; i += 1) tail.push('y'.repeat(5_000));
    const lines = tail.end();
    expect(lines).toHaveLength(40);
    expect(lines.every((line) => line.length <= 500)).toBe(true);
    expect(lines.at(-2)).toMatch(/^999 x/);
  });
});
