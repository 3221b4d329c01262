import { createHash } from 'node:crypto';

/** Of the UTF-8 bytes; lower-case hex. */
export function configSha256(toml: string): string {
  return createHash('sha256').update(toml, 'utf8').digest('hex');
}
