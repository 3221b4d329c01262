import { Command, CommanderError } from 'commander';
import { AgentError, UsageError } from '../agent.errors.js';
import { AGENT_VERSION } from '../version.js';

const FAILED = 1;
const USAGE = 2;

const ENVIRONMENT = `
Settings (environment):
  GOPHER_AGENT_STATE_DIR    where the agent keeps its key and configuration (/var/lib/gopher-agent)
  GOPHER_AGENT_PORT         where it answers the edge on 127.0.0.1 (4322)
  GOPHER_AGENT_CHECK_PORT   where the edge checks the data client on 127.0.0.1 (4323)
  GOPHER_RATHOLE            path of rathole 0.5.0 (default: Gopher's cache, then PATH)
  GOPHER_AGENT_POLICY       what may be published (/etc/gopher-agent/policy.toml)
  GOPHER_AGENT_LOG_LEVEL    debug, info, warn or error (info)
  GOPHER_AGENT_LOGS         where the logs of its programs are: files or journal (files)

Exit codes: 0 done, 1 failed, 2 wrong usage or settings.`;

const DIAGNOSE = `
Looks at the name and the port of the edge, both rathole clients, their files, the policy, every
target, disk, memory, clock, certificate and versions. Needs neither the edge nor a running agent, and
changes nothing. The first line says what to put right first.

Exit codes: 0 nothing failed, 1 something did, or it could not be looked.`;

/** Resolves with the exit code. Commands are loaded when called: most cost more than they do. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = build((code) => (exitCode = code));
  try {
    await program.parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    process.stderr.write(`gopher-agent: ${explain(error)}\n`);
    return error instanceof UsageError ? USAGE : FAILED;
  }
}

function build(exit: (code: number) => void): Command {
  const program = new Command('gopher-agent')
    .description('Joins this machine to a Gopher edge and keeps its tunnels running.')
    .addHelpText('after', ENVIRONMENT)
    .exitOverride();
  program
    .command('enroll')
    .description('join this machine to an edge with a one-time token')
    .requiredOption('--server <url>', 'address of the edge, as the join command names it')
    .requiredOption('--token <token>', 'the one-time join token')
    .requiredOption('--ca-fingerprint <sha256>', "SHA-256 of the edge's CA certificate")
    .option('--client-config <path>', 'take over the rathole client that runs with this file')
    .option('--json', 'print the result as JSON')
    .action(async (options) => (await import('./enroll.command.js')).enroll(options));
  program
    .command('run')
    .description('serve the edge and keep both rathole clients running, until SIGTERM')
    .action(async () => (await import('./run.command.js')).run());
  program
    .command('status')
    .description('show how rathole and the agent are on this machine; exit code 1 when not well')
    .option('--json', 'print it as JSON')
    .action(async (options) => exit(await (await import('./status.command.js')).status(options)));
  program
    .command('diagnose')
    .description('say what is wrong on this machine, and what to do')
    .option('--json', 'print it as JSON')
    .addHelpText('after', DIAGNOSE)
    .action(async (options) => (await import('./diagnose.command.js')).diagnose(options));
  program
    .command('stop-clients')
    .description('stop both rathole clients; the agent itself must have been stopped before')
    .action(async () => (await import('./stop-clients.command.js')).stopClients());
  program
    .command('version')
    .description('print the version')
    .action(() => void process.stdout.write(`${AGENT_VERSION}\n`));
  return program;
}

/** What a person can use. A stack trace only where nobody foresaw the error. */
function explain(error: unknown): string {
  if (error instanceof AgentError) return error.message;
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? error.message : `unexpected error: ${error.message}`;
}
