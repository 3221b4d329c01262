import { join, resolve } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../trial.errors.js';
import { CHECKOUT } from './checkout.js';

const port = z.coerce.number().int().min(1_024).max(65_535);

const portRange = z
  .string()
  .regex(/^\d{1,5}-\d{1,5}$/, 'must be two ports, as in 26000-26999')
  .transform((text) => text.split('-').map(Number) as [number, number])
  .transform(([from, to]) => ({ from, to }))
  .refine(({ from, to }) => from >= 1_024 && to <= 65_535 && from <= to, 'must be ascending');
export type PortRange = z.output<typeof portRange>;

/** All below 32768, above which the kernel hands ports out; none that an installed Gopher uses. */
const schema = z.object({
  GOPHER_TRIAL_DIR: z.string().default(join(CHECKOUT, '.gopher')),
  GOPHER_TRIAL_API_PORT: port.default(14_321),
  GOPHER_TRIAL_RATHOLE_PORT: port.default(12_333),
  GOPHER_TRIAL_AGENT_PORT: port.default(14_322),
  GOPHER_TRIAL_CHECK_PORT: port.default(14_323),
  GOPHER_TRIAL_PAGE_PORT: port.default(14_380),
  GOPHER_TRIAL_BACK_CHANNEL_PORTS: portRange.prefault('25000-25999'),
  GOPHER_TRIAL_TUNNEL_PORTS: portRange.prefault('26000-26999'),
  GOPHER_TRIAL_STARTED_AT: z.coerce.number().optional(),
  GOPHER_RATHOLE: z.string().optional(),
  GOPHER_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  INIT_CWD: z.string().optional(),
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
});
type Settings = z.output<typeof schema>;

/** One port that the trial listens on, and how a person moves it. */
export interface TrialPort {
  port: number;
  purpose: string;
  setting: string;
}

/** The one place that reads the environment. */
export class TrialConfig {
  readonly directory: string;
  /** A person's choice; otherwise it is looked for. */
  readonly rathole: string | undefined;
  readonly logLevel: Settings['GOPHER_LOG_LEVEL'];
  /** When the start began, in ms since the epoch, where a script began it. */
  readonly startedAt: number | undefined;
  /** For what looks for programs and caches by itself. */
  readonly environment: NodeJS.ProcessEnv;

  private constructor(
    private readonly settings: Settings,
    environment: NodeJS.ProcessEnv,
  ) {
    // npm changes to the checkout before it runs us; a person means the folder they are in.
    const from = settings.INIT_CWD ?? process.cwd();
    this.directory = resolve(from, settings.GOPHER_TRIAL_DIR);
    this.rathole =
      settings.GOPHER_RATHOLE === undefined ? undefined : resolve(from, settings.GOPHER_RATHOLE);
    this.logLevel = settings.GOPHER_LOG_LEVEL;
    this.startedAt = settings.GOPHER_TRIAL_STARTED_AT;
    this.environment = { ...environment, PATH: settings.PATH };
  }

  static fromEnvironment(): TrialConfig {
    return TrialConfig.parse(process.env);
  }

  /** @throws UsageError naming each setting that is wrong. */
  static parse(environment: NodeJS.ProcessEnv): TrialConfig {
    const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
    const result = schema.safeParse(given);
    if (!result.success) {
      throw new UsageError(`Invalid settings:\n${z.prettifyError(result.error)}`);
    }
    refuseOverlaps(result.data);
    return new TrialConfig(result.data, environment);
  }

  get isDefaultDirectory(): boolean {
    return this.directory === join(CHECKOUT, '.gopher');
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.settings.GOPHER_TRIAL_API_PORT}`;
  }

  get apiPort(): number {
    return this.settings.GOPHER_TRIAL_API_PORT;
  }

  /** host:port of rathole's control port. */
  get ratholeAddress(): string {
    return `127.0.0.1:${this.settings.GOPHER_TRIAL_RATHOLE_PORT}`;
  }

  get agentPort(): number {
    return this.settings.GOPHER_TRIAL_AGENT_PORT;
  }

  get checkPort(): number {
    return this.settings.GOPHER_TRIAL_CHECK_PORT;
  }

  get pagePort(): number {
    return this.settings.GOPHER_TRIAL_PAGE_PORT;
  }

  get backChannelPorts(): PortRange {
    return this.settings.GOPHER_TRIAL_BACK_CHANNEL_PORTS;
  }

  get tunnelPorts(): PortRange {
    return this.settings.GOPHER_TRIAL_TUNNEL_PORTS;
  }

  get ports(): TrialPort[] {
    return portsOf(this.settings);
  }
}

function portsOf(settings: Settings): TrialPort[] {
  const named = [
    ['GOPHER_TRIAL_API_PORT', "Gopher's API"],
    ['GOPHER_TRIAL_RATHOLE_PORT', 'rathole'],
    ['GOPHER_TRIAL_AGENT_PORT', 'gopher-agent'],
    ['GOPHER_TRIAL_CHECK_PORT', "the check of the agent's tunnels"],
    ['GOPHER_TRIAL_PAGE_PORT', 'the sample web page'],
  ] as const;
  return named.map(([setting, purpose]) => ({ port: settings[setting], purpose, setting }));
}

/** @throws UsageError */
function refuseOverlaps(settings: Settings): void {
  const single = portsOf(settings).map(({ port, setting }) => ({ setting, from: port, to: port }));
  const ranges = (['GOPHER_TRIAL_BACK_CHANNEL_PORTS', 'GOPHER_TRIAL_TUNNEL_PORTS'] as const).map(
    (setting) => ({ setting, ...settings[setting] }),
  );
  const all = [...single, ...ranges].sort((a, b) => a.from - b.from || a.to - b.to);
  all.forEach((one, i) => {
    const clash = all.slice(i + 1).find((other) => other.from <= one.to);
    if (!clash) return;
    throw new UsageError(
      `${one.setting} and ${clash.setting} both have port ${clash.from}; give one of them another`,
    );
  });
}
