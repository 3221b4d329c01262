import 'reflect-metadata';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  webcrypto,
} from 'node:crypto';
import * as x509 from '@peculiar/x509';

export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export class InvalidCertificateRequestError extends Error {
  override readonly name = 'InvalidCertificateRequestError';
}

/** A new P-256 private key, PKCS #8, PEM. */
export function generatePrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Both halves of a private key, for WebCrypto. */
export async function importKeyPair(privateKeyPem: string): Promise<CryptoKeyPair> {
  const key = createPrivateKey(privateKeyPem);
  const { subtle } = webcrypto;
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    privateKey: await subtle.importKey('pkcs8', new Uint8Array(pkcs8), KEY_ALGORITHM, true, [
      'sign',
    ]),
    publicKey: await subtle.importKey('spki', new Uint8Array(spki), KEY_ALGORITHM, true, [
      'verify',
    ]),
  };
}

type CryptoKeyPair = { privateKey: webcrypto.CryptoKey; publicKey: webcrypto.CryptoKey };

/** PKCS #10, PEM. It names nobody: the edge decides whose certificate it becomes. */
export async function createCertificateRequest(privateKeyPem: string): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=gopher-agent',
    keys: await importKeyPair(privateKeyPem),
    signingAlgorithm: KEY_ALGORITHM,
  });
  return request.toString('pem');
}

/**
 * The public key of a request, after checking that its sender holds the private one.
 * @throws InvalidCertificateRequestError
 */
export async function verifyCertificateRequest(
  csrPem: string,
): Promise<{ publicKey: x509.PublicKey; publicKeySha256: string }> {
  let request: x509.Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(csrPem);
  } catch (cause) {
    throw new InvalidCertificateRequestError('It is not a PKCS #10 request in PEM', { cause });
  }
  const { publicKey } = request;
  const { name, namedCurve } = publicKey.algorithm as { name?: string; namedCurve?: string };
  if (name !== KEY_ALGORITHM.name || namedCurve !== KEY_ALGORITHM.namedCurve) {
    throw new InvalidCertificateRequestError('Its key must be ECDSA P-256');
  }
  if (!(await request.verify())) {
    throw new InvalidCertificateRequestError('Its signature does not match its key');
  }
  const sha256 = createHash('sha256').update(Buffer.from(publicKey.rawData)).digest('hex');
  return { publicKey, publicKeySha256: sha256 };
}
