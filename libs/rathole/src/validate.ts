import type { z } from 'zod';
import { parseHostPort } from './address.js';
import { formatPath, RatholeConfigError, type RatholeConfigErrorCode } from './config.errors.js';
import {
  type ClientFile,
  clientFile,
  LIMITS,
  SERVICE_NAME,
  type ServerFile,
  serverFile,
} from './config.schema.js';

/** Legal in rathole 0.5.0, and deliberately not in the files that Gopher works with. */
const RATHOLE_ONLY = new Map([
  ['default_token', 'Gopher gives every service a token of its own'],
  ['pattern', "Gopher keeps rathole's default pattern"],
  ['nodelay', 'Gopher does not use this setting of rathole'],
  ['retry_interval', 'Gopher sets it for the whole client, not for one service'],
  ['tcp', 'Gopher does not use this setting of rathole'],
  ['tls', 'Gopher uses the Noise transport only'],
  ['websocket', 'Gopher uses the Noise transport only'],
]);

export function validateServer(content: unknown): ServerFile {
  const file = validate(serverFile, content, 'server');
  assertNoAddressTwice(file.server);
  return file;
}

export function validateClient(content: unknown): ClientFile {
  return validate(clientFile, content, 'client');
}

function validate<T>(schema: z.ZodType<T>, content: unknown, side: 'server' | 'client'): T {
  assertServices(at(content, [side, 'services']), side);
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  const { issues } = result.error;
  // A mistyped key says more than the key that is missing for it.
  throw toConfigError(
    issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!,
    content,
  );
}

/** Before zod sees them: an unbounded table must cost nothing, and a name is a key, not a value. */
function assertServices(services: unknown, side: 'server' | 'client'): void {
  if (typeof services !== 'object' || services === null) return;
  const names = Object.keys(services);
  const most = LIMITS[side].services;
  if (names.length > most) {
    const reason = `has ${names.length} services; ${most} is the most`;
    throw new RatholeConfigError('too-many-services', `${side}.services`, reason);
  }
  const bad = names.find((name) => !SERVICE_NAME.test(name));
  if (bad === undefined) return;
  throw new RatholeConfigError(
    'invalid-value',
    formatPath([side, 'services', bad.slice(0, 200)]),
    'a name has 1 to 100 letters, digits, dots, dashes and underscores, first and last no sign',
  );
}

function toConfigError(issue: z.core.$ZodIssue, content: unknown): RatholeConfigError {
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    const path = formatPath([...issue.path, key]).slice(0, 300);
    const reason = RATHOLE_ONLY.get(key) ?? 'is not a setting that belongs here';
    return new RatholeConfigError('unknown-key', path, reason);
  }
  const missing = at(content, issue.path) === undefined;
  const code: RatholeConfigErrorCode = missing ? 'missing-key' : 'invalid-value';
  const reason = missing ? 'is missing' : issue.message;
  return new RatholeConfigError(code, formatPath(issue.path), reason);
}

function at(content: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    content,
  );
}

const WILDCARDS = new Set(['0.0.0.0', '::']);

/** rathole accepts such a file, and then one of the two never gets its port. */
function assertNoAddressTwice({ bind_addr, services }: ServerFile['server']): void {
  const takenBy = new Map<string, { host: string; owner: string }[]>();
  const claim = (type: string, address: string, owner: string) => {
    const { host, port } = parseHostPort(address)!;
    const key = `${type}/${port}`;
    const others = takenBy.get(key) ?? [];
    const clash = others.find(
      (other) => other.host === host || WILDCARDS.has(other.host) || WILDCARDS.has(host),
    );
    if (clash) {
      const reason = `${address} (${type}) is taken by ${clash.owner} already`;
      throw new RatholeConfigError('address-conflict', owner, reason);
    }
    takenBy.set(key, [...others, { host, owner }]);
  };
  claim('tcp', bind_addr, 'server.bind_addr');
  for (const [name, service] of Object.entries(services)) {
    const owner = formatPath(['server', 'services', name, 'bind_addr']);
    claim(service.type, service.bind_addr, owner);
  }
}
