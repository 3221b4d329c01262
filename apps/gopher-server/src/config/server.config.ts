import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { engineCacheDir } from '@gopher/engines';

const port = z.coerce.number().int().min(1).max(65_535);

/** `from-to`, both ends included. */
const portRange = z
  .string()
  .regex(/^\d{1,5}-\d{1,5}$/, 'must be two ports, as in 10000-20999')
  .transform((text) => text.split('-').map(Number) as [number, number])
  .refine(([from, to]) => from >= 1 && to <= 65_535 && from <= to, 'must be an ascending range')
  .transform(([from, to]) => ({ from, to }));
export type PortRange = { from: number; to: number };

const hostAndPort = z
  .string()
  .regex(/^(?:\[[0-9a-f:.]+\]|[A-Za-z0-9.-]{1,253}):\d{1,5}$/, 'must be host:port');

const schema = z.object({
  GOPHER_STATE_DIR: z
    .string()
    .refine(isAbsolute, 'must be an absolute path')
    .default('/var/lib/gopher'),
  GOPHER_HOST: z.string().default('127.0.0.1'),
  GOPHER_PORT: port.default(4321),
  GOPHER_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  GOPHER_EDGE_NAME: z.string().min(1).max(63).default('edge'),
  GOPHER_RATHOLE: z.string().refine(isAbsolute, 'must be an absolute path').optional(),
  GOPHER_RATHOLE_BIND: hostAndPort.default('127.0.0.1:2333'),
  GOPHER_RATHOLE_PUBLIC: hostAndPort.optional(),
  GOPHER_RATHOLE_POOL_SIZE: z
    .string()
    .regex(/^\d{1,2}$/, 'must be a number from 0 to 64')
    .transform(Number)
    .refine((size) => size <= 64, 'must be a number from 0 to 64')
    .optional(),
  GOPHER_BACK_CHANNEL_PORTS: portRange.prefault('21000-24999'),
  GOPHER_TUNNEL_PORTS: portRange.prefault('10000-20999'),
  GOPHER_AGENT_DEADLINE_MS: z.coerce.number().int().min(100).max(60_000).default(2_000),
  GOPHER_PROBE_INTERVAL_SECONDS: z.coerce.number().int().min(5).max(3_600).default(30),
  GOPHER_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  GOPHER_DATABASE_DIR: z.string().refine(isAbsolute, 'must be an absolute path').optional(),
  HOME: z.string().optional(),
  XDG_CACHE_HOME: z.string().optional(),
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
});

export class InvalidConfigError extends Error {
  override readonly name = 'InvalidConfigError';
}

/** The one place that reads the environment. Everything else injects this class. */
export class ServerConfig {
  readonly stateDir: string;
  readonly host: string;
  readonly port: number;
  /** Where machines and people reach the API. */
  readonly publicUrl: string;
  readonly edgeName: string;
  readonly ratholePath: string | undefined;
  /** host:port that rathole's control port listens on. */
  readonly ratholeBind: string;
  /** host:port at which machines reach it. */
  readonly ratholePublic: string;
  /** Data channels that rathole keeps open for each TCP service; undefined: its own default. */
  readonly ratholePoolSize: number | undefined;
  readonly backChannelPorts: PortRange;
  readonly tunnelPorts: PortRange;
  readonly agentDeadlineMs: number;
  /** Between two probes of a tunnel that is up. */
  readonly probeIntervalMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly databaseUrl: string | undefined;
  /** Where the embedded PostgreSQL lives; undefined: below the state directory if that is possible. */
  readonly databaseDir: string | undefined;
  readonly engineCacheDir: string;
  readonly searchPath: string;

  private constructor(env: z.output<typeof schema>) {
    this.stateDir = env.GOPHER_STATE_DIR;
    this.host = env.GOPHER_HOST;
    this.port = env.GOPHER_PORT;
    this.publicUrl = (env.GOPHER_PUBLIC_URL ?? `http://127.0.0.1:${env.GOPHER_PORT}`).replace(
      /\/$/,
      '',
    );
    this.edgeName = env.GOPHER_EDGE_NAME;
    this.ratholePath = env.GOPHER_RATHOLE;
    this.ratholeBind = env.GOPHER_RATHOLE_BIND;
    this.ratholePublic = env.GOPHER_RATHOLE_PUBLIC ?? env.GOPHER_RATHOLE_BIND;
    this.ratholePoolSize = env.GOPHER_RATHOLE_POOL_SIZE;
    this.backChannelPorts = env.GOPHER_BACK_CHANNEL_PORTS;
    this.tunnelPorts = env.GOPHER_TUNNEL_PORTS;
    this.agentDeadlineMs = env.GOPHER_AGENT_DEADLINE_MS;
    this.probeIntervalMs = env.GOPHER_PROBE_INTERVAL_SECONDS * 1_000;
    this.logLevel = env.GOPHER_LOG_LEVEL;
    this.databaseUrl = env.DATABASE_URL;
    this.databaseDir = env.GOPHER_DATABASE_DIR;
    this.engineCacheDir = engineCacheDir({
      HOME: env.HOME,
      XDG_CACHE_HOME: env.XDG_CACHE_HOME,
    });
    this.searchPath = env.PATH;
  }

  /** @throws InvalidConfigError naming each setting that is wrong. */
  static parse(env: NodeJS.ProcessEnv): ServerConfig {
    const result = schema.safeParse(env);
    if (!result.success) {
      throw new InvalidConfigError(`Invalid settings:\n${z.prettifyError(result.error)}`);
    }
    return new ServerConfig(result.data);
  }

  /** Ports that tunnels can not have, and what has them. */
  get reservedPorts(): ReadonlyMap<number, string> {
    const ratholePort = Number(this.ratholeBind.slice(this.ratholeBind.lastIndexOf(':') + 1));
    return new Map([
      [this.port, "Gopher's API"],
      [ratholePort, "rathole's control port"],
    ]);
  }
}
