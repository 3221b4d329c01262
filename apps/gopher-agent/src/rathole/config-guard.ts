import { hostname } from 'node:os';
import { isIPv4 } from 'node:net';
import {
  parseClient,
  parseHostPort,
  type RatholeClientConfig,
  type RatholeClientService,
  RatholeConfigError,
} from '@gopher/rathole';
import { ConfigRefusedError } from '../agent.errors.js';

export interface OwnPorts {
  machineId: string;
  agentPort: number;
  checkPort: number;
}

/** The service through which the edge checks that the data client carries bytes. */
export const checkServiceName = (machineId: string): string => `check.${machineId}`;
export const isCheckService = (name: string): boolean => name.startsWith('check.');

/** What a data client may be told to run on this machine. @throws ConfigRefusedError */
export function parseDataConfig(toml: string, own: OwnPorts): RatholeClientConfig {
  const config = parse(toml);
  for (const { name, localAddr } of config.services) {
    const target = parseHostPort(localAddr);
    if (!target || !isThisMachine(target.host)) continue;
    if (isOwnCheck({ name, localAddr }, own)) continue;
    if (target.port !== own.agentPort && target.port !== own.checkPort) continue;
    throw new ConfigRefusedError(
      `client.services."${name}".local_addr: ${localAddr} is where gopher-agent itself listens; it is never published`,
    );
  }
  return config;
}

/**
 * What the control client may be told to run beside the one that runs now.
 * @throws ConfigRefusedError
 */
export function parseControlConfig(
  toml: string,
  agentPort: number,
  running: RatholeClientConfig | null,
): RatholeClientConfig {
  const config = parse(toml);
  const [service, ...others] = config.services;
  const target = service && parseHostPort(service.localAddr);
  const isAgent = target && target.port === agentPort && isThisMachine(target.host);
  if (!isAgent || others.length > 0) {
    throw new ConfigRefusedError(
      `client.services: the control client has exactly one service, which leads to gopher-agent at 127.0.0.1:${agentPort}`,
    );
  }
  if (running?.remoteAddr === config.remoteAddr && running.services[0]?.name === service.name) {
    throw new ConfigRefusedError(
      `client.services."${service.name}": the client that runs now has this service at ${config.remoteAddr}; the second one would take it away`,
    );
  }
  return config;
}

/** The agent's own echo, and no tunnel. */
export function isOwnCheck(
  { name, localAddr }: Pick<RatholeClientService, 'name' | 'localAddr'>,
  { machineId, checkPort }: OwnPorts,
): boolean {
  const target = parseHostPort(localAddr);
  if (target?.port !== checkPort || name !== checkServiceName(machineId)) return false;
  return isThisMachine(target.host);
}

function parse(toml: string): RatholeClientConfig {
  try {
    return parseClient(toml);
  } catch (error) {
    if (!(error instanceof RatholeConfigError)) throw error;
    throw new ConfigRefusedError(error.message, { cause: error });
  }
}

function isThisMachine(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (isIPv4(name)) return name.startsWith('127.') || name === '0.0.0.0';
  if (['::1', '::', 'localhost', hostname().toLowerCase()].includes(name)) return true;
  return name.endsWith('.localhost') || name.startsWith('::ffff:127.');
}
