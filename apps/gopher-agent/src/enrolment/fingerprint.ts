import { X509Certificate } from 'node:crypto';
import { certificateSha256 } from '@gopher/identity/certificate';
import { EnrolmentError, UsageError } from '../agent.errors.js';

/** Hex with or without colons, in any case, as tools print it. @throws UsageError */
export function parseFingerprint(text: string): string {
  const hex = text
    .trim()
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  throw new UsageError(
    '--ca-fingerprint must be 64 hex digits (SHA-256), with or without colons: copy the whole join command again',
  );
}

/** @throws EnrolmentError unless this is the CA that the join command names */
export function requirePinned(caPem: string, fingerprint: string): void {
  const found = fingerprintOf(caPem);
  if (found === fingerprint) return;
  throw new EnrolmentError(
    `This is not the edge that the join command was made for: its CA has the fingerprint ${found ?? 'of nothing readable'}, expected ${fingerprint}. Copy the join command again; if it happens again, someone may be between this machine and the edge`,
  );
}

export function fingerprintOf(caPem: string): string | null {
  try {
    return new X509Certificate(caPem).ca ? certificateSha256(caPem) : null;
  } catch {
    return null;
  }
}
