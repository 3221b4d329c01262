import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 32 random bytes for a URL or a header. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** Of a secret with 256 random bits: nothing slower is needed against guessing. Lower-case hex. */
export const secretSha256 = (secret: string): string =>
  createHash('sha256').update(secret).digest('hex');

/** Compares in a time that does not depend on where they differ. */
export function matchesSecret(secret: string, sha256: string): boolean {
  const given = createHash('sha256').update(secret).digest();
  const known = Buffer.from(sha256, 'hex');
  return known.length === given.length && timingSafeEqual(given, known);
}
