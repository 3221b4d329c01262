import { randomBytes } from 'node:crypto';
import { SealedWithAnotherKeyError, SecretBox } from './secret-box.js';

describe(SecretBox.name, () => {
  const key = randomBytes(32);
  const box = new SecretBox(key);

  it.each(['', 'token', 'ключ 🔑', 'x'.repeat(100_000)])('opens what it sealed', (secret) => {
    expect(new SecretBox(key).open(box.seal(secret))).toBe(secret);
  });

  it('seals the same secret differently each time, and shows nothing of it', () => {
    const sealed = Array.from({ length: 100 }, () => box.seal('a secret'));
    expect(new Set(sealed).size).toBe(100);
    expect(Buffer.from(sealed.at(0)!, 'base64').toString('latin1')).not.toContain('secret');
  });

  it('says so when the key is another one', () => {
    const other = new SecretBox(randomBytes(32));
    expect(() => other.open(box.seal('x'))).toThrow(SealedWithAnotherKeyError);
  });

  it('notices each changed byte', () => {
    const sealed = Buffer.from(box.seal('token'), 'base64');
    for (const i of sealed.keys()) {
      const forged = Buffer.from(sealed);
      forged.writeUInt8(forged.readUInt8(i) ^ 1, i);
      expect(() => box.open(forged.toString('base64'))).toThrow(SealedWithAnotherKeyError);
    }
  });

  it.each(['', 'AAAA', 'not base64!'])('takes %j for damaged', (sealed) => {
    expect(() => box.open(sealed)).toThrow(SealedWithAnotherKeyError);
  });
});
