import { hostname } from 'node:os';
import { isIPv4 } from 'node:net';
import {
  parseClient,
  parseHostPort,
  type RatholeClientConfig,
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
    const isCheck = target.port === own.checkPort && name === checkServiceName(own.machineId);
    if (isCheck || (target.port !== own.agentPort && target.port !== own.checkPort)) continue;
    throw new ConfigRefusedError(
      `client.services."${name}".local_addr: ${localAddr} is where gopher-agent itself listens; it is never published`,
    );
  }
  return config;
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
