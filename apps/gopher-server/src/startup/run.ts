import { InvalidConfigError, ServerConfig } from '../config/server.config.js';
import { RELEASE } from '../release.js';
import { stopEngines } from './engines.js';
import { serve } from './serve.js';

const HELP = `gopher-server: the control plane of a Gopher edge

  gopher-server            run it; settings come from the environment, see docs/settings.md
  gopher-server stop       end the engines of its state directory: rathole and PostgreSQL.
                           A running gopher-server is to be ended first
  gopher-server version
  gopher-server --help
`;

export async function run(args: readonly string[]): Promise<void> {
  try {
    await command(args);
  } catch (error) {
    process.stderr.write(`gopher-server: ${messageOf(error)}\n`);
    // What was begun before it failed would keep Node alive, without an API and with the lock.
    process.exit(error instanceof InvalidConfigError ? 2 : 1);
  }
}

async function command([name, ...rest]: readonly string[]): Promise<void> {
  if (rest.length > 0) throw new InvalidConfigError(`Too many words; see --help`);
  switch (name) {
    case undefined:
      return serve(ServerConfig.parse(process.env));
    case 'stop':
      return stopEngines(ServerConfig.parse(process.env));
    case 'version':
    case '--version':
      process.stdout.write(`${RELEASE}\n`);
      return;
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(HELP);
      return;
    default:
      throw new InvalidConfigError(`There is no command "${name}"; see --help`);
  }
}

/** What a person can act on has a message of its own; anything else is a bug and needs its stack. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = error.constructor !== Error && error.constructor !== TypeError;
  return known || 'code' in error ? error.message : (error.stack ?? error.message);
}
