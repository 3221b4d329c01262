const MAX_TEXT_CHARS = 4_096;
/** Masking may make a text shorter. */
const MAX_RAW_CHARS = 2 * MAX_TEXT_CHARS;

/** Control characters but line ends and tabs, and what is invisible or turns the direction of writing. */
const HARMFUL = /(?![\t\n])[\p{Cc}\p{Cf}\u2028\u2029]/gu;
const HALF_A_SECRET = /[A-Za-z0-9+/_=-]{1,200}$/;

export interface CleanText {
  text: string;
  cut: boolean;
}

/** A text from outside as it may be shown: masked, harmless to a terminal, at most 4,096 characters. */
export function cleanText(raw: string, mask: (text: string) => string): CleanText {
  const isLong = raw.length > MAX_RAW_CHARS;
  // A secret of which the end was cut off would not be known any more.
  const bounded = isLong ? raw.slice(0, MAX_RAW_CHARS).replace(HALF_A_SECRET, '') : raw;
  const text = escapeControls(mask(bounded).trimEnd());
  if (text.length <= MAX_TEXT_CHARS) return { text, cut: isLong };
  return { text: text.slice(0, MAX_TEXT_CHARS).toWellFormed(), cut: true };
}

export function escapeControls(text: string): string {
  return text.toWellFormed().replace(HARMFUL, (character) => {
    const code = character.codePointAt(0)!.toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}
