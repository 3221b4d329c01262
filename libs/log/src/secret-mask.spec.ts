import { randomBytes } from 'node:crypto';
import { SecretMask } from './secret-mask.js';

const token = randomBytes(32).toString('base64url');
const noise = randomBytes(32).toString('base64');
const pem = randomBytes(48).toString('base64');

describe(SecretMask.name, () => {
  it.each([
    ['in the middle', `it said ${token} and went`],
    ['inside of a path', `GET /machines/${token}/client.toml`],
    ['right after a sign', `x=${token}&y=1`],
    ['in quotes', `"${token}"`],
    ['between letters', `aaaa${token}bbbb`],
  ])('takes out a known secret %s', (_where, text) => {
    expect(new SecretMask([token]).mask(text)).not.toContain(token);
  });

  it('takes out a known password, whatever it is made of', () => {
    const mask = new SecretMask(['p@ss w0rd!', 'short']);
    expect(mask.mask('it was p@ss w0rd! and short')).toBe('it was *** and short');
  });

  it.each([
    [`Starting with ${token}`, 'Starting with ***'],
    [`key ${noise}, then`, 'key ***, then'],
    [pem, '***'],
    ['token = "abc"', 'token = ***'],
    [`{"token":"abc","x":1}`, '{"token":***,"x":1}'],
    ['password=hunter2 next', 'password=*** next'],
    ['client_secret: s3cr3t-value', 'client_secret: ***'],
    ['Authorization: Bearer abcdef', 'Authorization: Bearer ***'],
    ['postgres://gopher:hunter2@db:5432/gopher', 'postgres://gopher:***@db:5432/gopher'],
    ['-----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY-----\nrest', '***\nrest'],
    ['-----BEGIN EC PRIVATE KEY-----\nMIG', '***'],
  ])('takes out what is not known: %j', (text, masked) => {
    expect(new SecretMask().mask(text)).toBe(masked);
  });

  it.each([
    'Config change detected. ServerChange(Add(ServerServiceConfig { token: Some(MASKED) }))',
    'sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'Starting 1c74f32b5cc248b80b1ed23c803eebfcd2c152a14e2d462e7179d3fb7498b929',
    'tunnel.01a20906-1141-72c1-921b-8e56e51fad93 on 127.0.0.1:16238',
    'connect to [2001:db8::1]:2333 and edge.example.org:2333',
    '/tmp/gopher-agent-tFKjcg/state/rathole/processes/data-client-long-name.toml',
    '/srv/Some-Directory2/with-a-Long-Name/and-Another1/file.log',
    'Migrated the database: CreateEdgeAndMachine1761000000000',
    'The join token was refused: it has expired',
    'Invalid token: unexpected end of input',
    'the token of machine 7 is used up',
  ])('leaves alone what is no secret: %s', (text) => {
    expect(new SecretMask([token, noise]).mask(text)).toBe(text);
  });

  it('takes a time that grows with the text, not with its square', () => {
    const mask = new SecretMask([token]);
    const began = performance.now();
    for (const text of ['a', 'token', '-----BEGIN ', '://', '"', 'a1B'].map((s) =>
      s.repeat(8_192 / s.length),
    ))
      mask.mask(text);
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('masks the last line of a private key alone, which is shorter than the others', () => {
    const line = '4czsEBQrJUrbN2Rr8SJwcTbr/kvpziGlFBTavQlvyF4kwghO1KO8CMPu';
    expect(new SecretMask().mask(`it said ${line} and went`)).toBe('it said *** and went');
    expect(new SecretMask().mask(`http://gopher:${line}@127.0.0.1/`)).not.toContain(line);
  });
});
