import fc from 'fast-check';
import { generateNoiseKeyPair } from '../src/noise.js';
import { SERVICE_TYPES } from '../src/config.js';

const LETTERS = 'abcXYZ019'.split('');
const serviceName = fc
  .tuple(
    fc.constantFrom(...LETTERS),
    fc.string({ unit: fc.constantFrom(...LETTERS, '.', '-', '_'), maxLength: 20 }),
    fc.constantFrom(...LETTERS),
  )
  .map((parts) => parts.join(''));
const oddName = fc.constantFrom(
  'constructor',
  'toString',
  'hasOwnProperty',
  'server.services',
  'a.b.c',
  '0',
  '10',
  '9',
  'true',
  `tunnel.${'0'.repeat(8)}-1111-4222-8333-444444444444`,
);

/** Every token that is accepted: quotes, backslashes, all of Unicode but control characters. */
export const token = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom('"', '\\', "'", 'u', 'n', '{', '#', ' ', '😀'),
      minLength: 1,
    }),
  )
  .map((text) => text.replaceAll(/\p{Cc}/gu, '_'))
  .filter((text) => text.length <= 512 && text.isWellFormed());

const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.domain().filter((name) => name.length <= 253),
  fc.constant('localhost'),
);
const hostPort = fc.tuple(host, fc.integer({ min: 1, max: 65_535 })).map((pair) => pair.join(':'));
const names = fc.uniqueArray(fc.oneof(serviceName, oddName), { maxLength: 8 });
const type = fc.constantFrom(...SERVICE_TYPES);
const noiseKey = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('base64'));

/** Each service has a port of its own: `port(i)`, or any when not given. */
export const serverConfig = (options?: { bindAddr: string; port(i: number): number }) =>
  names.chain((all) =>
    fc.record({
      bindAddr: options ? fc.constant(options.bindAddr) : fc.constant('0.0.0.0:2333'),
      heartbeatIntervalS: fc.integer({ min: 0, max: 86_400 }),
      localPrivateKey: noiseKey,
      services: fc.tuple(
        ...all.map((name, i) =>
          fc.record({
            name: fc.constant(name),
            type,
            token,
            bindAddr: options
              ? fc.constant(`127.0.0.1:${options.port(i)}`)
              : host.map((h) => `${h}:${10_000 + i}`),
          }),
        ),
      ),
    }),
  );

export const clientConfig = (options?: { remoteAddr: string }) =>
  names.chain((all) =>
    fc.record({
      remoteAddr: options ? fc.constant(options.remoteAddr) : hostPort,
      remotePublicKey: fc.constant(generateNoiseKeyPair().publicKey),
      heartbeatTimeoutS: fc.integer({ min: 0, max: 86_400 }),
      retryIntervalS: fc.integer({ min: 1, max: 86_400 }),
      services: fc.tuple(
        ...all.map((name) =>
          fc.record({ name: fc.constant(name), type, token, localAddr: hostPort }),
        ),
      ),
    }),
  );
