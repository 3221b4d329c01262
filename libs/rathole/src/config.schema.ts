import { z } from 'zod';
import { parseHostPort } from './address.js';
import { SERVICE_TYPES } from './config.js';

/** One machine's client is small; a server has the services of all its machines. */
export const LIMITS = {
  client: { services: 2_000, bytes: 1_048_576 },
  server: { services: 50_000, bytes: 25 * 1_048_576 },
} as const;
const MAX_TOKEN_CHARS = 512;
const MAX_SECONDS = 86_400n;

/**
 * Narrower than rathole's own rule, which is none: the name stands unescaped in rathole's log,
 * between braces, and has to be found there again.
 */
export const SERVICE_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$/;

const hostPort = z.string({ error: 'must be a string' }).refine((v) => parseHostPort(v) !== null, {
  error: ({ input }) => `must be host:port, not ${JSON.stringify(String(input).slice(0, 100))}`,
});

const token = z
  .string({ error: 'must be a string' })
  .min(1, { error: 'must not be empty' })
  .max(MAX_TOKEN_CHARS, { error: `must not be longer than ${MAX_TOKEN_CHARS} characters` })
  .refine((v) => v.isWellFormed() && !/\p{Cc}/u.test(v), {
    error: 'must not have control characters or broken Unicode',
  });

const noiseKey = z
  .string({ error: 'must be a string' })
  .refine((v) => Buffer.from(v, 'base64').length === 32 && isCanonicalBase64(v), {
    error: 'must be 32 bytes in base64',
  });

const seconds = (min: bigint) => {
  const error = `must be a whole number from ${min} to ${MAX_SECONDS}`;
  return z.bigint({ error }).min(min, { error }).max(MAX_SECONDS, { error }).transform(Number);
};

const type = z.enum(SERVICE_TYPES, { error: 'must be "tcp" or "udp"' }).default('tcp');
const table = { error: 'must be a table' };
const services = <T extends z.ZodType>(service: T) => z.record(z.string(), service, table);
const transport = <T extends z.ZodType>(noise: T) =>
  z.strictObject(
    { type: z.literal('noise', { error: 'must be "noise": Gopher uses no other' }), noise },
    table,
  );

/** The content of a file, in rathole's own words. Defaults are rathole's. */
export const serverFile = z.strictObject({
  server: z.strictObject(
    {
      bind_addr: hostPort,
      heartbeat_interval: seconds(0n).default(30),
      transport: transport(z.strictObject({ local_private_key: noiseKey }, table)),
      services: services(z.strictObject({ type, token, bind_addr: hostPort }, table)),
    },
    table,
  ),
});
export type ServerFile = z.output<typeof serverFile>;

export const clientFile = z.strictObject({
  client: z.strictObject(
    {
      remote_addr: hostPort,
      heartbeat_timeout: seconds(0n).default(40),
      retry_interval: seconds(1n).default(1),
      transport: transport(z.strictObject({ remote_public_key: noiseKey }, table)),
      services: services(z.strictObject({ type, token, local_addr: hostPort }, table)),
    },
    table,
  ),
});
export type ClientFile = z.output<typeof clientFile>;

function isCanonicalBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}
