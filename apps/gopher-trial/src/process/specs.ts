import { readFileSync } from 'node:fs';
import type { ProcessSpec } from '@gopher/supervisor';
import {
  AGENT_BUILD,
  AGENT_LAUNCH_FILE,
  AGENT_MAIN,
  PAGE_BUILD,
  SERVER_BUILD,
  SERVER_MAIN,
  TRIAL_MAIN,
} from '../config/checkout.js';
import type { PortRange, TrialConfig } from '../config/trial.config.js';
import type { TrialDirectory } from '../trial-directory.js';
import { buildFingerprint } from './build-fingerprint.js';
import { readProcess } from './running.js';

const SERVER_COMMAND = [SERVER_MAIN];
const AGENT_COMMAND = [AGENT_MAIN, 'run'];
const PAGE_COMMAND = [TRIAL_MAIN, 'sample-page'];
export const PROGRAMS = [SERVER_COMMAND, AGENT_COMMAND, PAGE_COMMAND];

/** How the agent is started; the one place that says so is beside its code. */
const AGENT_LAUNCH = JSON.parse(readFileSync(AGENT_LAUNCH_FILE, 'utf8')) as {
  nodeFlags: string[];
  environment: Record<string, string>;
};
export const AGENT_FLAGS: readonly string[] = AGENT_LAUNCH.nodeFlags;

/** Of a caller's environment, what says where programs and caches are; nothing else is handed on. */
const INHERITED = ['HOME', 'PATH', 'XDG_CACHE_HOME', 'TMPDIR', 'TZ'];

type Environment = Record<string, string>;

export function serverEnvironment(config: TrialConfig, directory: TrialDirectory): Environment {
  return {
    ...shared(config, directory),
    GOPHER_STATE_DIR: directory.server,
    GOPHER_PORT: String(config.apiPort),
    GOPHER_PUBLIC_URL: config.apiUrl,
    GOPHER_EDGE_NAME: 'trial',
    GOPHER_RATHOLE_BIND: config.ratholeAddress,
    GOPHER_TUNNEL_PORTS: rangeText(config.tunnelPorts),
    GOPHER_BACK_CHANNEL_PORTS: rangeText(config.backChannelPorts),
    GOPHER_LOG_LEVEL: config.logLevel,
  };
}

export function agentEnvironment(config: TrialConfig, directory: TrialDirectory): Environment {
  return {
    ...shared(config, directory),
    ...AGENT_LAUNCH.environment,
    GOPHER_AGENT_STATE_DIR: directory.agent,
    GOPHER_AGENT_PORT: String(config.agentPort),
    GOPHER_AGENT_CHECK_PORT: String(config.checkPort),
    GOPHER_AGENT_LOG_LEVEL: config.logLevel,
  };
}

export function serverSpec(config: TrialConfig, directory: TrialDirectory): ProcessSpec {
  const env = serverEnvironment(config, directory);
  return nodeSpec('gopher-server', SERVER_COMMAND, withBuild(env, SERVER_BUILD));
}

export function agentSpec(config: TrialConfig, directory: TrialDirectory): ProcessSpec {
  const env = agentEnvironment(config, directory);
  return nodeSpec('gopher-agent', [...AGENT_FLAGS, ...AGENT_COMMAND], withBuild(env, AGENT_BUILD));
}

export function pageSpec(
  config: TrialConfig,
  directory: TrialDirectory,
  marker: string,
): ProcessSpec {
  const env = {
    GOPHER_TRIAL_DIR: directory.root,
    GOPHER_SAMPLE_PORT: String(config.pagePort),
    GOPHER_SAMPLE_MARKER: marker,
    GOPHER_SAMPLE_DOCS: `${config.apiUrl}/docs`,
  };
  return nodeSpec('sample-page', PAGE_COMMAND, withBuild(env, PAGE_BUILD));
}

/**
 * Whether a running process was given other settings, or was built from other sources, than the spec
 * has now. Its command line alone would not tell.
 */
export function isOutdated(pid: number, { env = {} }: ProcessSpec): boolean {
  const running = readProcess(pid)?.environment ?? {};
  const names = new Set([...Object.keys(env), ...Object.keys(running)]);
  return [...names].some((name) => name.startsWith('GOPHER_') && env[name] !== running[name]);
}

function nodeSpec(name: string, args: string[], env: Environment): ProcessSpec {
  const command = [process.execPath, ...args].join('\0');
  return {
    name,
    file: process.execPath,
    args,
    env,
    stop: { signal: 'SIGTERM', graceMs: 10_000 },
    // Another trial of this checkout has the same command line.
    recognises: ({ pid, argv }) =>
      argv.join('\0') === command &&
      readProcess(pid)?.environment['GOPHER_TRIAL_DIR'] === env['GOPHER_TRIAL_DIR'],
  };
}

function shared(config: TrialConfig, directory: TrialDirectory): Environment {
  const given = INHERITED.map((name) => [name, config.environment[name]] as const);
  return {
    ...(Object.fromEntries(given.filter(([, value]) => value)) as Environment),
    GOPHER_TRIAL_DIR: directory.root,
    ...(config.rathole === undefined ? {} : { GOPHER_RATHOLE: config.rathole }),
  };
}

const withBuild = (env: Environment, paths: readonly string[]): Environment => ({
  ...env,
  GOPHER_TRIAL_BUILD: buildFingerprint(paths),
});

const rangeText = ({ from, to }: PortRange): string => `${from}-${to}`;
