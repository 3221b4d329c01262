import { z } from 'zod';
import { UsageError } from '../agent.errors.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type AgentLogLevel = (typeof LOG_LEVELS)[number];

export const LOG_PLACES = ['files', 'journal'] as const;
export type LogPlace = (typeof LOG_PLACES)[number];

export const DEFAULT_AGENT_PORT = 4322;
export const DEFAULT_CHECK_PORT = 4323;

const port = z.coerce.number().int().min(1).max(65_535);

const schema = z.object({
  GOPHER_AGENT_STATE_DIR: z.string().startsWith('/').default('/var/lib/gopher-agent'),
  GOPHER_AGENT_PORT: port.optional(),
  GOPHER_AGENT_CHECK_PORT: port.optional(),
  GOPHER_RATHOLE: z.string().startsWith('/').optional(),
  GOPHER_AGENT_POLICY: z.string().startsWith('/').default('/etc/gopher-agent/policy.toml'),
  GOPHER_AGENT_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
  GOPHER_AGENT_LOGS: z.enum(LOG_PLACES).default('files'),
});

/** The one place that reads the environment. Everything else injects this class. */
export class AgentConfig {
  readonly stateDir: string;
  /** null: 4322 when enrolling, afterwards the port that the machine was enrolled with. */
  readonly agentPort: number | null;
  /** null: 4323 when enrolling, afterwards the port that the machine was enrolled with. */
  readonly checkPort: number | null;
  /** Absolute path of rathole; null: look for it. */
  readonly rathole: string | null;
  /** What the machine's owner lets the edge publish. */
  readonly policyFile: string;
  readonly logLevel: AgentLogLevel;
  /** Where the logs of this machine's programs are: set by what installs them. */
  readonly logs: LogPlace;
  /** For what asks for it whole: where to look for programs and caches. */
  readonly environment: NodeJS.ProcessEnv;

  private constructor(env: z.output<typeof schema>, environment: NodeJS.ProcessEnv) {
    this.stateDir = env.GOPHER_AGENT_STATE_DIR;
    this.agentPort = env.GOPHER_AGENT_PORT ?? null;
    this.checkPort = env.GOPHER_AGENT_CHECK_PORT ?? null;
    this.rathole = env.GOPHER_RATHOLE ?? null;
    this.policyFile = env.GOPHER_AGENT_POLICY;
    this.logLevel = env.GOPHER_AGENT_LOG_LEVEL;
    this.logs = env.GOPHER_AGENT_LOGS;
    this.environment = environment;
  }

  static parse(env: NodeJS.ProcessEnv): AgentConfig {
    const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
    const result = schema.safeParse(given);
    if (!result.success) {
      throw new UsageError(`Invalid environment:\n${z.prettifyError(result.error)}`);
    }
    return new AgentConfig(result.data, env);
  }

  static fromEnvironment(): AgentConfig {
    return AgentConfig.parse(process.env);
  }
}
