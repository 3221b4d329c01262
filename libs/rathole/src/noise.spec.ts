import { createPrivateKey, createPublicKey } from 'node:crypto';
import { configSha256 } from './config-sha256.js';
import { generateNoiseKeyPair } from './noise.js';

describe(generateNoiseKeyPair.name, () => {
  it('makes 32 bytes each, and the public key that belongs to the private one', () => {
    const { privateKey, publicKey } = generateNoiseKeyPair();
    const d = Buffer.from(privateKey, 'base64');
    expect([d.length, Buffer.from(publicKey, 'base64').length]).toEqual([32, 32]);
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), d]);
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const { x } = createPublicKey(key).export({ format: 'jwk' });
    expect(Buffer.from(x!, 'base64url').toString('base64')).toBe(publicKey);
  });

  it('makes another pair each time', () => {
    expect(generateNoiseKeyPair()).not.toEqual(generateNoiseKeyPair());
  });
});

describe(configSha256.name, () => {
  it('is the lower-case hex digest of the UTF-8 bytes', () => {
    expect(configSha256('é')).toBe(
      '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c',
    );
  });
});
