import { parse, TomlError } from 'smol-toml';
import type { RatholeClientConfig, RatholeServerConfig } from './config.js';
import { RatholeConfigError } from './config.errors.js';
import { LIMITS } from './config.schema.js';
import { assertTomlSubset } from './toml-subset.js';
import { validateClient, validateServer } from './validate.js';

/**
 * Refuses all that rathole 0.5.0 refuses, and more: what Gopher has no word for.
 * Services come sorted by name.
 * @throws RatholeConfigError
 */
export function parseServer(toml: string): RatholeServerConfig {
  const { server } = readToml(toml, 'server', validateServer);
  return {
    bindAddr: server.bind_addr,
    heartbeatIntervalS: server.heartbeat_interval,
    localPrivateKey: server.transport.noise.local_private_key,
    services: named(server.services, ({ type, token, bind_addr }) => ({
      type,
      token,
      bindAddr: bind_addr,
    })),
  };
}

/** As `parseServer`. @throws RatholeConfigError */
export function parseClient(toml: string): RatholeClientConfig {
  const { client } = readToml(toml, 'client', validateClient);
  return {
    remoteAddr: client.remote_addr,
    remotePublicKey: client.transport.noise.remote_public_key,
    heartbeatTimeoutS: client.heartbeat_timeout,
    retryIntervalS: client.retry_interval,
    services: named(client.services, ({ type, token, local_addr }) => ({
      type,
      token,
      localAddr: local_addr,
    })),
  };
}

/** Whole numbers come as bigint, so that `30.0`, which rathole refuses, is told from `30`. */
function readToml<File>(toml: string, side: Side, validate: (content: unknown) => File): File {
  assertSize(toml, side);
  if (!toml.isWellFormed()) throw new RatholeConfigError('syntax', null, 'is not valid Unicode');
  const file = validate(readSyntax(toml));
  assertTomlSubset(toml);
  return file;
}

function readSyntax(toml: string): unknown {
  try {
    return parse(toml, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // From its second line on the message quotes the file, with its tokens.
    const reason = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    throw new RatholeConfigError('syntax', null, `${reason} (column ${error.column})`, error.line);
  }
}

type Side = keyof typeof LIMITS;

export function assertSize(toml: string, side: Side): void {
  const bytes = Buffer.byteLength(toml);
  const most = LIMITS[side].bytes;
  if (bytes <= most) return;
  const reason = `the file has ${bytes} bytes; ${most} is the most`;
  throw new RatholeConfigError('too-large', null, reason);
}

function named<Raw, T>(
  services: Record<string, Raw>,
  convert: (raw: Raw) => T,
): (T & { name: string })[] {
  return Object.keys(services)
    .sort()
    .map((name) => ({ name, ...convert(services[name]!) }));
}
