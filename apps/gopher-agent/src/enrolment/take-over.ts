import { lstat, readFile, access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import {
  parseClient,
  type RatholeClientConfig,
  type RatholeClientService,
  RatholeConfigError,
} from '@gopher/rathole';
import { UsageError } from '../agent.errors.js';

/** The configuration of a rathole client that a person runs, and that the agent shall take over. */
export interface HandRunClient {
  path: string;
  config: RatholeClientConfig;
}

/** @throws UsageError that says why it can not be taken over */
export async function readHandRunClient(given: string): Promise<HandRunClient> {
  const path = resolve(given);
  const stat = await lstat(path).catch(() => null);
  if (!stat) throw new UsageError(`--client-config ${path} does not exist`);
  if (!stat.isFile()) {
    throw new UsageError(
      `--client-config ${path} is not a plain file. rathole does not notice changes behind a link: start it with the file itself`,
    );
  }
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0 && stat.uid !== uid) {
    throw new UsageError(`${path} belongs to user id ${stat.uid}: enrol as that user, or as root`);
  }
  await access(dirname(path), constants.W_OK).catch(() => {
    throw new UsageError(`This user may not write into ${dirname(path)}, where ${path} lies`);
  });
  return { path, config: await parse(path) };
}

/** @throws UsageError when the change from one to the other would drop a tunnel */
export function requireCompatible(
  { path, config }: HandRunClient,
  next: RatholeClientConfig,
): void {
  // Anything outside its services makes rathole start over, with every connection.
  for (const key of [
    'remoteAddr',
    'remotePublicKey',
    'heartbeatTimeoutS',
    'retryIntervalS',
  ] as const) {
    if (config[key] === next[key]) continue;
    refuse(path, `it has another ${SETTINGS[key]} than the edge has for this machine`);
  }
  const byName = new Map(next.services.map((service) => [service.name, service]));
  for (const service of config.services) {
    const wanted = byName.get(service.name);
    if (!wanted) refuse(path, `the edge knows no service "${service.name}" of this machine`);
    if (!isSame(service, wanted)) {
      refuse(
        path,
        `the service "${service.name}" is another one than the edge has under this name`,
      );
    }
  }
}

const SETTINGS = {
  remoteAddr: 'remote_addr',
  remotePublicKey: 'remote_public_key',
  heartbeatTimeoutS: 'heartbeat_timeout',
  retryIntervalS: 'retry_interval',
} as const;

const isSame = (a: RatholeClientService, b: RatholeClientService): boolean =>
  a.type === b.type && a.token === b.token && a.localAddr === b.localAddr;

async function parse(path: string): Promise<RatholeClientConfig> {
  try {
    return parseClient(await readFile(path, 'utf8'));
  } catch (error) {
    const why = error instanceof RatholeConfigError ? error.message : 'it can not be read';
    throw new UsageError(`--client-config ${path} can not be taken over: ${why}`);
  }
}

function refuse(path: string, why: string): never {
  throw new UsageError(
    `${path} can not be taken over without dropping a tunnel: ${why}. Fetch this machine's client configuration from the edge again, or enrol without --client-config`,
  );
}
