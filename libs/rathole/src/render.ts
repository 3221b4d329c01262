import type { RatholeClientConfig, RatholeServerConfig } from './config.js';
import { formatPath, RatholeConfigError } from './config.errors.js';
import type { LIMITS } from './config.schema.js';
import { assertSize } from './parse.js';
import { validateClient, validateServer } from './validate.js';

/**
 * The whole file. Equal content gives equal text, whatever the order of the services.
 * @throws RatholeConfigError for what `parseServer` would refuse
 */
export function renderServer(config: RatholeServerConfig): string {
  const { server } = validateServer({
    server: {
      bind_addr: config.bindAddr,
      heartbeat_interval: wholeNumber(config.heartbeatIntervalS),
      transport: { type: 'noise', noise: { local_private_key: config.localPrivateKey } },
      services: byName('server', config.services, ({ type, token, bindAddr }) => ({
        type,
        token,
        bind_addr: bindAddr,
      })),
    },
  });
  const { bind_addr, heartbeat_interval, transport, services } = server;
  return join('server', [
    table('server', { bind_addr, heartbeat_interval }),
    table('server.transport', { type: transport.type }),
    table('server.transport.noise', transport.noise),
    ...serviceTables('server', services),
  ]);
}

/** As `renderServer`. @throws RatholeConfigError for what `parseClient` would refuse */
export function renderClient(config: RatholeClientConfig): string {
  const { client } = validateClient({
    client: {
      remote_addr: config.remoteAddr,
      heartbeat_timeout: wholeNumber(config.heartbeatTimeoutS),
      retry_interval: wholeNumber(config.retryIntervalS),
      transport: { type: 'noise', noise: { remote_public_key: config.remotePublicKey } },
      services: byName('client', config.services, ({ type, token, localAddr }) => ({
        type,
        token,
        local_addr: localAddr,
      })),
    },
  });
  const { remote_addr, heartbeat_timeout, retry_interval, transport, services } = client;
  return join('client', [
    table('client', { remote_addr, heartbeat_timeout, retry_interval }),
    table('client.transport', { type: transport.type }),
    table('client.transport.noise', transport.noise),
    ...serviceTables('client', services),
  ]);
}

type Values = Record<string, string | number>;

function table(header: string, values: Values): string {
  const lines = Object.entries(values).map(
    ([key, value]) => `${key} = ${typeof value === 'string' ? quote(value) : value}\n`,
  );
  return `[${header}]\n${lines.join('')}`;
}

/** The services table stands there even when it is empty: rathole refuses a file without it. */
function serviceTables(side: string, services: Record<string, Values>): string[] {
  const names = Object.keys(services).sort();
  return [
    table(`${side}.services`, {}),
    ...names.map((name) => table(`${side}.services.${quote(name)}`, services[name]!)),
  ];
}

function join(side: keyof typeof LIMITS, tables: readonly string[]): string {
  const toml = tables.join('\n');
  assertSize(toml, side);
  return toml;
}

/** JSON's escapes are TOML's, but for DEL, and for lone surrogates, which validation refuses. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

/** What is no whole number stays as it is, for the validation to refuse. */
function wholeNumber(value: number): bigint | number {
  return Number.isSafeInteger(value) ? BigInt(value) : value;
}

function byName<T extends { name: string }>(
  side: string,
  services: readonly T[],
  convert: (service: T) => Values,
): Record<string, Values> {
  const result: Record<string, Values> = Object.create(null) as Record<string, Values>;
  for (const service of services) {
    if (Object.hasOwn(result, service.name)) {
      const path = formatPath([side, 'services', service.name]);
      throw new RatholeConfigError('duplicate-service', path, 'is there twice');
    }
    result[service.name] = convert(service);
  }
  return result;
}
