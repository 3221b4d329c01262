import { cleanText, escapeControls } from './clean-text.js';

const asIs = (text: string) => text;

describe(escapeControls.name, () => {
  it.each([
    ['\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['a\0b', 'a\\x00b'],
    ['over\rwritten', 'over\\x0dwritten'],
    ['\x9b2J', '\\x9b2J'],
    ['\u202etxt.exe', '\\u202etxt.exe'],
    ['zero\u200bwidth', 'zero\\u200bwidth'],
    ['line\u2028end', 'line\\u2028end'],
    ['half \ud800 pair', 'half \ufffd pair'],
    ['two\nlines\tand ünïcode 🐹', 'two\nlines\tand ünïcode 🐹'],
  ])('makes %j harmless', (text, harmless) => {
    expect(escapeControls(text)).toBe(harmless);
  });
});

describe(cleanText.name, () => {
  it('cuts at 4,096 characters and says so', () => {
    expect(cleanText('x'.repeat(4_096), asIs)).toEqual({ text: 'x'.repeat(4_096), cut: false });
    expect(cleanText('x y'.repeat(4_096), asIs)).toMatchObject({ cut: true });
    expect(cleanText('x y'.repeat(4_096), asIs).text).toHaveLength(4_096);
  });

  it('never shows the half of a secret that was cut', () => {
    const secret = 's3cr3T'.repeat(8);
    const mask = (text: string) => text.replaceAll(secret, '').replaceAll('long ', '');
    const text = 'long '.repeat(1_634) + secret.repeat(3);
    expect(cleanText(text, mask).text).not.toContain('s3cr3T');
  });
});
