import { createHash, X509Certificate } from 'node:crypto';

/** SHA-256 over the DER of a certificate, lower-case hex. */
export function certificateSha256(certificate: string | Buffer): string {
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
}

/** SHA-256 over the SubjectPublicKeyInfo of a certificate, lower-case hex. */
export function publicKeySha256(certificate: string | Buffer): string {
  const { publicKey } = new X509Certificate(certificate);
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The DNS names of a certificate as TLS presents it: `DNS:a, DNS:b`. */
export function dnsNames(subjectAltName: string | undefined): string[] {
  return (subjectAltName ?? '')
    .split(', ')
    .filter((entry) => entry.startsWith('DNS:'))
    .map((entry) => entry.slice('DNS:'.length));
}

/** The moment from which a certificate should be replaced: two thirds of its life. */
export function renewalDueAt(certificatePem: string): Date {
  const { validFrom, validTo } = new X509Certificate(certificatePem);
  const from = Date.parse(validFrom);
  return new Date(from + ((Date.parse(validTo) - from) * 2) / 3);
}
