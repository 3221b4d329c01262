export const RATHOLE_CONFIG_ERROR_CODES = [
  'too-large',
  'syntax',
  'unsupported-syntax',
  'unknown-key',
  'missing-key',
  'invalid-value',
  'duplicate-service',
  'too-many-services',
  'address-conflict',
  'heartbeat-mismatch',
] as const;
export type RatholeConfigErrorCode = (typeof RATHOLE_CONFIG_ERROR_CODES)[number];

/** Says what is wrong with a configuration and where. Never quotes a token or a private key. */
export class RatholeConfigError extends Error {
  constructor(
    readonly code: RatholeConfigErrorCode,
    /** As in the file: `client.services."web".local_addr`; null when it is about the whole text. */
    readonly path: string | null,
    reason: string,
    /** Counted from 1; null when it is about content, not syntax. */
    readonly line: number | null = null,
  ) {
    const where = line === null ? path : `line ${line}`;
    super(where === null ? reason : `${where}: ${reason}`);
  }

  override get name(): string {
    return RatholeConfigError.name;
  }
}

/** Service names may hold dots, so they are always quoted. */
export function formatPath(keys: readonly PropertyKey[]): string {
  return keys
    .map((key, i) => (keys[i - 1] === 'services' && i === 2 ? JSON.stringify(key) : String(key)))
    .join('.');
}
