import { createHash } from 'node:crypto';
import { configSecrets } from '@gopher/rathole';

/** As the renderer writes them: one `key = "JSON string"` a line. */
const SECRET = /^(token|remote_public_key|local_private_key) = ("(?:[^"\\]|\\.)*")$/gm;

/** Shows whether a secret changed, and nothing else: 32 bits of 256 random ones. */
export const fingerprint = (secret: string): string =>
  `sha256:${createHash('sha256').update(secret).digest('hex').slice(0, 8)}`;

/** A configuration as it may be shown: a fingerprint in the place of each token and key. */
export const redacted = (toml: string): string =>
  toml.replaceAll(
    SECRET,
    (_line, key: string, quoted: string) =>
      `${key} = "${fingerprint(JSON.parse(quoted) as string)}"`,
  );

/** What somebody said of a configuration, without its secrets. */
export function withoutSecrets(text: string, toml: string): string {
  return configSecrets(toml).reduce(
    (rest, secret) => rest.replaceAll(secret, fingerprint(secret)),
    text,
  );
}
