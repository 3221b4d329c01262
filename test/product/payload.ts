import { createHash, randomBytes, randomInt } from 'node:crypto';

const POOL_BYTES = 64 * 1024 * 1024;
const SHIFT_BYTES = 1024 * 1024;

let pool: Buffer | undefined;

/** Random bytes, up to 64 MiB; of long ones no two are alike, so that mixed-up ones show. */
export function payload(size: number): Buffer {
  if (size <= SHIFT_BYTES) return randomBytes(size);
  pool ??= randomBytes(POOL_BYTES + SHIFT_BYTES);
  const from = randomInt(SHIFT_BYTES);
  return pool.subarray(from, from + size);
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');
