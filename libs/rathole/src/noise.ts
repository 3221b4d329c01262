import { generateKeyPairSync } from 'node:crypto';

/** For Noise_NK_25519: what rathole's own `--genkey` makes. */
export interface NoiseKeyPair {
  /** 32 bytes, base64. */
  privateKey: string;
  /** 32 bytes, base64. */
  publicKey: string;
}

export function generateNoiseKeyPair(): NoiseKeyPair {
  const { privateKey } = generateKeyPairSync('x25519');
  // The JWK form alone gives the raw bytes of both; the DER forms wrap them.
  const { d, x } = privateKey.export({ format: 'jwk' });
  return { privateKey: toBase64(d!), publicKey: toBase64(x!) };
}

const toBase64 = (base64url: string) => Buffer.from(base64url, 'base64url').toString('base64');
