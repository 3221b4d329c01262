import { parse } from 'smol-toml';
import { z } from 'zod';
import { parseClient, parseHostPort, SERVICE_NAME, SERVICE_TYPES } from '@gopher/rathole';
import { JsonFile } from '../state/json-file.js';
import { maskSecrets } from './mask-secrets.js';

const MAX_LINES = 50;
const MAX_LINE_CHARS = 200;
const MAX_SERVICES = 50;

const foundService = z.object({
  name: z.string(),
  type: z.enum(SERVICE_TYPES),
  localAddr: z.string(),
});
export type FoundService = z.output<typeof foundService>;

const schema = z.object({
  enrolment: z.string(),
  foundAt: z.iso.datetime(),
  /** Empty: it could not be kept. */
  keptAs: z.string(),
  lines: z.array(z.string()),
  services: z.array(foundService),
});

/** What someone wrote into the data client's file, and was taken out of it. */
export type FoundConfig = z.output<typeof schema>;

export const foundConfigFile = (path: string): JsonFile<FoundConfig> => new JsonFile(path, schema);

/** Lines and services that are not the edge's, without tokens and keys. */
export function foreignParts(text: string, ours: string): Pick<FoundConfig, 'lines' | 'services'> {
  return { lines: foreignLines(text, ours), services: foreignServices(text, ours) };
}

function foreignLines(text: string, ours: string): string[] {
  const own = new Set(ours.split('\n').map((line) => line.trim()));
  const masked = maskSecrets(text, secretsOf(ours));
  return text
    .split('\n')
    .flatMap((line, at) => (own.has(line.trim()) ? [] : [masked[at] ?? '']))
    .map((line) => line.replace(/\p{Cc}+/gu, ' ').trimEnd())
    .filter((line) => line !== '')
    .slice(0, MAX_LINES)
    .map((line) => line.slice(0, MAX_LINE_CHARS).toWellFormed());
}

function foreignServices(text: string, ours: string): FoundService[] {
  const keyOf = ({ name, type, localAddr }: FoundService) => `${name} ${type} ${localAddr}`;
  const own = new Set(readServices(ours).map(keyOf));
  return readServices(text)
    .filter((service) => !own.has(keyOf(service)))
    .slice(0, MAX_SERVICES);
}

const services = z.object({
  client: z.object({
    services: z.record(
      z.string(),
      z.unknown().transform((value) => service.safeParse(value).data ?? null),
    ),
  }),
});
const service = z.object({
  type: z.enum(SERVICE_TYPES).default('tcp'),
  local_addr: z.string().refine((text) => parseHostPort(text) !== null),
});

/** Of what a person wrote, each that can be understood, whatever the rest of the file is. */
function readServices(text: string): FoundService[] {
  const result = services.safeParse(parseOrNull(text));
  return Object.entries(result.data?.client.services ?? {}).flatMap(([name, found]) =>
    found && SERVICE_NAME.test(name)
      ? [{ name, type: found.type, localAddr: found.local_addr }]
      : [],
  );
}

function parseOrNull(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

function secretsOf(toml: string): string[] {
  try {
    const { remotePublicKey, services: all } = parseClient(toml);
    return [remotePublicKey, ...all.map(({ token }) => token)];
  } catch {
    return [];
  }
}
